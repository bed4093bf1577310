"""What the tables say, on tables small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.summary import (
    accuracy_by_round,
    cost_at_own_budget,
    final_accuracy,
    gains_by_strategy,
    misreport_gains,
    privacy_spent,
    stacked,
    tails_too_heavy,
    without_rounding,
)


def trades(**columns) -> pd.DataFrame:
    """Four bids in two rounds of one run: owner 0 tells the truth, owner 1 lies, once in vain and once at a loss."""
    table = pd.DataFrame(
        {
            "seed": 0,
            "round": [0, 0, 1, 1],
            "buyer": 0,
            "owner": [0, 1, 0, 1],
            "strategy": ["truthful", "scaled-valuation", "truthful", "scaled-valuation"],
            "truthful": [True, False, True, False],
            "family": ["linear", "quadratic", "linear", "quadratic"],
            "factor": [1.0, 0.5, 1.0, 0.5],
            "privacy_budget": [1.0, 2.0, 1.0, 2.0],
            "data_size": [10, 20, 10, 20],
            "own_cost": [20.0, 40.0, 20.0, 40.0],
            "privacy_loss": [1.0, 0.0, 0.5, 2.0],
            "privacy_total": [1.0, 0.0, 1.4, 1.9],
            "delta_spent": [0.0, 0.0, 0.0, 1e-6],
            "records": [10, 0, 10, 20],
            "utility": [5.0, 0.0, 1.0, 8.0],
            "truthful_utility": [5.0, 4.0, 1.0, 8.0],
            "cost": [10.0, 0.0, 5.0, 40.0],
            "payment": [15.0, 0.0, 6.0, 48.0],
            "truthful_payment": [15.0, 24.0, 6.0, 48.0],
            "misreport_gain": [np.nan, -4.0, np.nan, 0.0],
            "misreport_paid": [None, False, None, False],
        }
    )
    return table.assign(**columns)


def rounds() -> pd.DataFrame:
    """Three rounds in each of two runs."""
    accuracy = [0.2, 0.5, 0.8, 0.2, 0.5, 0.6]
    return pd.DataFrame({"seed": [0, 0, 0, 1, 1, 1], "round": [0, 1, 2, 0, 1, 2], "test_accuracy": accuracy})


def test_gains_are_money_and_a_share_of_the_cost_of_everything():
    """All that owner 1 has costs her 40; her lies gained -4 and 0: two rounds, so 12.706 standard errors either way."""
    assert cost_at_own_budget(trades()).tolist() == [20.0, 40.0, 20.0, 40.0]
    (row,) = gains_by_strategy(trades()).to_dict("records")
    assert (row["strategy"], row["misreports"], row["paid"], row["best"]) == ("scaled-valuation", 2, 0, 0.0)
    assert (row["gain"], row["relative"]) == (-2.0, -0.05)
    assert (row["gain_low"], row["gain_high"]) == pytest.approx((-2 - 2 * 12.7062, -2 + 2 * 12.7062), abs=1e-3)
    assert (row["relative_low"], row["relative_high"]) == pytest.approx((row["gain_low"] / 40, row["gain_high"] / 40))
    assert (row["utility"], row["truthful_utility"]) == (4.0, 6.0)


def test_who_gives_her_data_away_has_no_cost_to_compare_a_gain_with():
    own_cost = [20.0, 0.0, 20.0, 40.0]
    (row,) = gains_by_strategy(trades(own_cost=own_cost)).to_dict("records")
    assert (row["misreports"], row["gain"], row["relative"]) == (2, -2.0, 0.0)
    (row,) = gains_by_strategy(trades(own_cost=0.0)).to_dict("records")
    assert row["gain"] == -2.0
    assert np.isnan(row["relative"])


def test_a_lie_that_pays_is_counted():
    paid = trades(misreport_gain=[np.nan, -4.0, np.nan, 0.5], misreport_paid=[None, False, None, True])
    (row,) = gains_by_strategy(paid).to_dict("records")
    assert (row["paid"], row["best"], row["gain"]) == (1, 0.5, -1.75)


def test_rounding_is_no_gain_and_no_loss():
    """Of a payment of 48 a difference of 1e-12 is rounding, whatever its sign; one of 1e-6 is money."""
    for gain, kept in ((1e-12, 0.0), (-1e-12, 0.0), (-1e-6, -1e-6)):
        table = trades(misreport_gain=[np.nan, -4.0, np.nan, gain])
        assert misreport_gains(table)[[1, 3]].tolist() == [-4.0, kept]
        assert misreport_gains(table)[[0, 2]].isna().all()
        assert gains_by_strategy(table)["paid"].tolist() == [0]


def test_an_infinite_stake_hides_no_money():
    money, stake = pd.Series([-1.0, -np.inf, 1e-13]), pd.Series([np.inf, np.inf, 1.0])
    assert without_rounding(money, stake, pd.Series(0.0, index=money.index)).tolist() == [-1.0, -np.inf, 0.0]


def test_where_nobody_lies_there_is_nothing_to_report():
    assert gains_by_strategy(trades(misreport_gain=np.nan)).empty


def test_runs_are_told_apart_by_their_seed():
    both = stacked({3: trades().drop(columns="seed"), 4: trades().drop(columns="seed")})
    assert both["seed"].tolist() == [3] * 4 + [4] * 4
    assert gains_by_strategy(both)["misreports"].tolist() == [4]


def test_the_final_accuracy_is_the_last_rounds_in_any_order_of_rows():
    assert final_accuracy(rounds().iloc[::-1]).to_dict() == {0: 0.8, 1: 0.6}


def test_accuracy_by_round_spans_the_seeds():
    curve = accuracy_by_round(rounds())
    assert curve["mean"].tolist() == pytest.approx([0.2, 0.5, 0.7])
    assert curve["low"].tolist() == [0.2, 0.5, 0.6]
    assert curve["high"].tolist() == [0.2, 0.5, 0.8]


def test_privacy_is_summed_per_owner_and_run():
    assert privacy_spent(trades()) == {
        "owners": 2,
        "sold": 2,
        "median": 1.75,
        "largest": 2.0,
        "largest_in_a_round": 2.0,
        "total_median": pytest.approx(1.65),
        "total_largest": 1.9,
        "delta_largest": 1e-6,
    }
    idle = privacy_spent(trades(privacy_loss=[0.0, 0.0, 0.0, 0.0]))
    assert (idle["sold"], idle["median"], idle["largest"]) == (0, 0.0, 0.0)


def test_gains_of_few_rounds_that_outweigh_all_others_are_named():
    """A lie in each of a hundred rounds gains, or loses, the quantiles of a Pareto law without a variance."""
    heavy = ((np.arange(100) + 0.5) / 100) ** (-1 / 1.2)
    lies = pd.concat([trades().iloc[1:2]] * 100, ignore_index=True).assign(round=np.arange(100))
    for gain, told in ((heavy, True), (-heavy, True), (heavy**0.4, False)):
        found = gains_by_strategy(lies.assign(misreport_gain=gain)).to_dict("records")
        assert bool(tails_too_heavy(found)) == told
        assert ("scaled-valuation" in tails_too_heavy(found)) == told
