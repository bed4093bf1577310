"""Who pays for the lies, and whether the learning survives them: two rounds by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.formatting import MINUS
from analysis.paired import learning_survives, who_pays

INFINITE = float("inf")


def rounds(**columns) -> pd.DataFrame:
    """A round without a lie, and two with: error bounds 3 instead of 1, and 5 instead of 3."""
    table = pd.DataFrame(
        {
            "seed": 0,
            "buyer": 0,
            "round": [0, 1, 2],
            "truthful_share": [1.0, 0.5, 0.0],
            "error_bound": [7.0, 3.0, 5.0],
            "truthful_error_bound": [7.0, 1.0, 3.0],
            "spent": [100.0, 8.0, 14.0],
            "truthful_spent": [100.0, 10.0, 8.0],
            "sellers": [5, 1, 2],
            "truthful_sellers": [5, 2, 2],
            "owner_surplus": [50.0, 4.0, 2.0],
            "truthful_owner_surplus": [50.0, 5.0, 5.0],
            "honest_surplus": [50.0, 2.0, 0.0],
            "truthful_honest_surplus": [50.0, 3.0, 0.0],
            "test_accuracy": [0.1, 0.4, 0.6],
        }
    )
    return table.assign(**columns)


def test_the_buyer_and_the_owners_pay():
    """8 / 4 times the error bound for 2 more a round; the owners keep 2 less. The round without a lie is no case."""
    found = who_pays(rounds())
    assert (found.rounds, found.invalid, found.truthful_invalid) == (2, 0, 0)
    means = found.table.set_index("quantity")[["actual", "truthful", "change"]]
    assert means.T.to_dict("list") == {
        "error bound": [4.0, 2.0, 2.0],
        "spent": [11.0, 9.0, 2.0],
        "sellers": [1.5, 2.0, -0.5],
        "owners' surplus": [3.0, 5.0, -2.0],
        "surplus of those who told the truth": [1.0, 1.5, -0.5],
    }
    # Two rounds: 12.706 standard errors of 4 either way.
    spent = found.spent
    assert (spent.low, spent.high) == pytest.approx((2 - 4 * 12.7062, 2 + 4 * 12.7062), abs=1e-3)
    buyer, owners = found.sentences
    assert buyer.startswith(f"Against everybody's truth in the same 2 rounds, the buyer paid 2 [{MINUS}49")
    assert "more a round and had 2 [" in buyer
    assert buyer.endswith("times the mean error bound.")
    assert owners.startswith("The owners who told the truth kept ")
    assert "less a round; all together, those who lied included, kept 2 [" in owners
    assert owners.endswith("less a round.")


def test_rounds_without_a_seller_are_counted_and_have_no_bound():
    found = who_pays(rounds(error_bound=[7.0, INFINITE, 5.0], sellers=[5, 0, 2]))
    assert (found.invalid, found.truthful_invalid) == (1, 0)
    assert found.error_bound.mean == 5 / 3
    assert found.sentences[0].endswith("; nobody sold in 1 round, under the truth in 0.")
    never = who_pays(rounds(error_bound=INFINITE, sellers=0))
    assert np.isnan(never.error_bound.mean)
    assert "error bound" not in never.sentences[0]


def test_rounding_is_no_money():
    found = who_pays(
        rounds(
            truthful_spent=[100.0, 8.0 + 1e-12, 14.0],
            owner_surplus=[50.0, 5.0 - 1e-12, 5.0],
            truthful_honest_surplus=[50.0, 2.0 + 1e-12, 0.0],
        )
    )
    assert "the buyer paid the same and had" in found.sentences[0]
    assert found.sentences[1] == (
        "The owners who told the truth kept the same; all together, those who lied included, kept the same."
    )


def test_without_a_lie_nobody_pays():
    found = who_pays(rounds(truthful_share=1.0))
    assert (found.rounds, found.sentences) == (0, ("Nobody lied, so nobody paid for a lie.",))


def test_the_learning_is_compared_seed_by_seed():
    """0.6 and 0.7 with lies, 0.8 and 0.7 without: 0.1 less, Student's 12.706 times 0.1 either way."""
    lying = pd.concat([rounds(), rounds(seed=1, test_accuracy=0.7), rounds(seed=2, test_accuracy=0.0)])
    truth = pd.concat([rounds(test_accuracy=0.8), rounds(seed=1, test_accuracy=0.7)])
    found = learning_survives(lying, truth)
    assert (found.runs, found.accuracy, found.truthful_accuracy) == (2, pytest.approx(0.65), 0.75)
    assert (found.difference.mean, found.difference.low) == pytest.approx((-0.1, -0.1 - 1.27062), abs=1e-5)
    assert found.sentence == (
        "Test accuracy after the last round: 0.65 with the lies, 0.75 with everybody truthful; "
        f"difference {MINUS}0.1 [{MINUS}1.4, 1.2] over 2 seeds (95 % interval)."
    )
    one = learning_survives(rounds(), rounds(test_accuracy=0.8)).sentence
    assert one.endswith(f"difference {MINUS}0.20 over 1 seed (one seed has no interval).")


def test_where_the_truthful_market_was_not_played_that_is_said():
    for unplayed in (None, rounds().head(0), rounds(seed=9)):
        found = learning_survives(rounds(), unplayed)
        assert found.runs == 0
        assert found.sentence == (
            "Whether the learning survives is not known: this market was not played with everybody truthful."
        )
    assert learning_survives(rounds(truthful_share=1.0), None).sentence == (
        "Nobody lied: there was nothing to survive."
    )
