"""Paired differences and effects, against differences taken by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.summary import group_aware_gains
from analysis.sweeps.effects import cell_means, effects, paired_differences
from analysis.sweeps.figures import facets_figure
from analysis.sweeps.measures import MEASURES


@pytest.fixture
def measured():
    """Two auctions, two budgets, three seeds; the seed matters most, the auction adds 1, the budget 10 or 12."""
    rows = []
    for auction, more in (("a", 0.0), ("b", 1.0)):
        for budget in (0.1, 0.5):
            for seed in range(3):
                bound = 100.0 * seed + more + (budget == 0.5) * (10.0 + 2.0 * (auction == "b")) + 0.1 * seed * more
                cell = f"auction={auction},budget={budget}"
                rows.append({"key": f"{cell},seed={seed}", "cell": cell, "seed": seed, "auction": auction,
                             "budget": budget, "error_bound": bound})  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(**{name: np.nan for name in MEASURES if name != "error_bound"})


def test_differences_are_taken_seed_by_seed(measured):
    found = paired_differences(measured).set_index(["cell", "measure"])
    row = found.loc[("auction=b,budget=0.1", "error_bound")]
    differences = np.array([1.0, 1.1, 1.2])
    low, high = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((1.1, low, high))
    assert row["baseline"] == "auction=a,budget=0.1"
    assert set(found.index.get_level_values("measure")) == {"error_bound"}


def test_an_effect_averages_over_the_other_fields(measured):
    found = effects(measured, ["auction", "budget"]).set_index(["field", "value"])
    assert found.loc[("auction", "b"), "difference"] == pytest.approx(1.1 + 1.0)
    assert found.loc[("budget", 0.5), "difference"] == pytest.approx(11.0)
    assert found.loc[("budget", 0.5), "seeds"] == 3


def test_excluded_cells_are_left_out_of_both_sides(measured):
    kept = measured[measured["cell"] != "auction=b,budget=0.5"]
    found = effects(kept, ["auction", "budget"]).set_index(["field", "value"])
    assert found.loc[("auction", "b"), "difference"] == pytest.approx(1.1)
    assert found.loc[("budget", 0.5), "difference"] == pytest.approx(10.0)


def test_means_and_facets_show_every_cell(measured):
    means = cell_means(measured)
    assert means["mean"].tolist() == pytest.approx([100.0, 110.0, 101.1, 113.1])
    figure = facets_figure(measured, ["auction", "budget"])
    (panel,) = [axes for axes in figure.axes if axes.get_visible()]
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["0.1", "0.5"]
    assert len(panel.containers) == 2


def test_a_groups_gain_is_shared_among_its_members():
    """Two act together: one loses 3, the other gains 5; a third, alone, gains 1."""
    trades = pd.DataFrame(
        {"seed": 0, "round": 0, "buyer": 0, "group": pd.array([0, 0, None, None], dtype="Int64"),
         "misreport_gain": [-3.0, 5.0, 1.0, np.nan], "truthful_payment": 10.0, "payment": 10.0, "cost": 5.0}
    )  # fmt: skip
    groups = pd.DataFrame({"seed": 0, "round": 0, "buyer": 0, "group": pd.array([0], dtype="Int64"), "members": [2],
                           "gain": [2.0], "paid": [True], "utility": [8.0], "truthful_utility": [6.0]})  # fmt: skip
    assert group_aware_gains(trades, groups).tolist()[:3] == [1.0, 1.0, 1.0]
    assert np.isnan(group_aware_gains(trades, groups).iloc[3])
    assert group_aware_gains(trades).tolist()[:3] == [-3.0, 5.0, 1.0]
