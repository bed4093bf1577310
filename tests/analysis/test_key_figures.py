"""The key numbers, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.intervals import by_block
from analysis.key_figures import QUANTITIES, key_figures

ROUNDS = pd.DataFrame(
    {
        "seed": [0, 0, 1, 1],
        "buyer": 0,
        "round": [0, 1, 0, 1],
        "budget": [10.0, 20.0, 0.0, 10.0],
        "spent": [5.0, 20.0, 0.0, 5.0],
        "bidders": 2,
        "sellers": [1, 2, 0, 1],
        "invalid": [False, False, True, False],
        "error_bound": [4.0, 2.0, float("inf"), 3.0],
        "test_accuracy": [0.1, 0.6, 0.1, 0.8],
        "owner_surplus": [1.0, 3.0, 0.0, 4.0],
    }
)
TRADES = pd.DataFrame(
    {
        "seed": [0, 0, 0, 1],
        "buyer": 0,
        "round": [0, 1, 1, 1],
        "own_cost": 10.0,
        "records": [5, 5, 0, 5],
        "privacy_loss": [1.0, 0.5, 0.0, 0.75],
        "cost": [4.0, 4.0, 0.0, 4.0],
        "payment": [5.0, 5.0, 0.0, 5.0],
        "truthful_payment": 5.0,
        "misreport_gain": [None, -1.0, 2.0, -1.0],
        "misreport_paid": [None, False, True, False],
    }
).astype({"misreport_gain": float})


def test_means_by_hand():
    found = key_figures(ROUNDS, TRADES).set_index("quantity")["mean"]
    assert list(found.index) == list(QUANTITIES)
    assert found.to_dict() == pytest.approx(
        {
            "test accuracy after the last round": 0.7,
            "error bound of valid rounds": 3.0,
            "invalid rounds": 25.0,
            "budget": 10.0,
            "spent": 7.5,
            "spent of the budget": 75.0,  # 30 of 40; the mean of the shares would be 200 / 3
            "bidders": 2.0,
            "sellers": 1.0,
            "privacy loss of a sale": 0.75,
            "owners' surplus": 2.0,
            "gain per lie": 0.0,
            "lies that paid": 100 / 3,
        }
    )


def test_what_nothing_is_known_about_is_missing():
    honest = TRADES.assign(misreport_gain=float("nan"), records=0)
    found = key_figures(ROUNDS[ROUNDS["seed"] == 0], honest).set_index("quantity")
    assert found.loc[["gain per lie", "lies that paid", "privacy loss of a sale"], "mean"].isna().all()
    assert found.loc["test accuracy after the last round", ["low", "high"]].isna().all()
    # Two rounds of 10 and 20: 12.706 standard errors of 5 either way, but a budget is not negative.
    assert found.loc["budget", ["low", "high"]].tolist() == pytest.approx([0.0, 15 + 12.7062 * 5], abs=1e-3)


def test_blocks_cut_the_rounds_evenly_and_leave_out_what_is_not_finite():
    found = by_block(ROUNDS, "error_bound", blocks=2)
    assert found[["round", "mean", "rows"]].to_numpy().tolist() == [[1.0, 4.0, 1], [2.0, 2.5, 2]]
    assert len(by_block(ROUNDS, "error_bound", blocks=50)) == 2
    assert by_block(ROUNDS.head(0), "error_bound").empty
    with pytest.raises(ValueError, match="blocks = 0"):
        by_block(ROUNDS, "spent", blocks=0)
