from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analysis.incentives.statistics import by_class, statistics


def owners(**changed: list[float]) -> pd.DataFrame:
    """Two profiles of two owners; in the first one gains 1, in the second one gains 3."""
    table = {
        "profile": [0, 0, 1, 1],
        "gain": [1.0, 0.0, 3.0, -2.0],
        "paid": [True, False, True, False],
        "own_cost": [10.0, 10.0, 100.0, 10.0],
        "allocation_cost": [2.0, 0.0, 30.0, 0.0],
        "payment": [4.0, 0.0, 36.0, 0.0],
        "utility": [2.0, 0.0, 6.0, -1.0],
        "sells": [True, False, True, False],
        "data_size": [1, 2, 3, 4],
        "budget_factor": [0.3, 0.3, 1.2, 1.2],
        "overspent": [0.0, 0.0, 0.0, 0.0],
    }
    return pd.DataFrame(table | changed)


PROFILES = pd.DataFrame({"budget": [5.0, 40.0], "spent": [4.0, 36.0], "sellers": [1, 1]})


def test_every_unit_by_hand() -> None:
    found = statistics(owners(), PROFILES, 0)
    assert found["money"]["mean"] == 1.0
    assert found["per_own_cost"]["mean"] == pytest.approx((0.1 + 0.03) / 4)
    assert found["published_normalisation"]["mean"] == pytest.approx((1 / 2 + 3 / 30) / 2)
    assert found["published_normalisation"]["count"] == 2
    assert found["per_payment"]["mean"] == pytest.approx((1 / 4 + 3 / 36) / 2)
    assert found["sum_over_payments"]["mean"] == 4 / 40
    assert found["sum_over_own_cost"]["mean"] == 4 / 130
    assert found["gaining"]["any"]["mean"] == 0.5
    assert found["gaining"]["over_0.01"]["mean"] == 0.5
    assert found["gaining"]["over_0.05"]["mean"] == 0.25
    assert found["individual_rationality"]["violation_rate"]["mean"] == 0.25
    assert found["individual_rationality"]["money_lost"] == 1.0
    assert found["invalid_rate"] == 0.0


def test_rounding_is_no_gain_but_not_exactly_0() -> None:
    found = statistics(owners(gain=[1e-15, 0.0, 3.0, -2.0], paid=[False, False, True, False]), PROFILES, 0)["gaining"]
    assert (found["any"]["mean"], found["not_exactly_0"]["mean"]) == (0.25, 0.5)


def test_intervals_are_over_whole_profiles() -> None:
    # Two profiles of means 0.5 and 1.5: Student's interval of one degree of freedom, and no gain is below 0.
    found = statistics(owners(), PROFILES, 0)["money"]
    assert (found["low"], found["high"]) == pytest.approx((0, 1 + 12.7062 * 0.5), abs=1e-4)


def test_shares_of_which_nothing_was_seen_are_bounded_by_the_rule_of_three() -> None:
    # Ten profiles without a gain: a tenth of all may have one and ten still be without, (1 - 0.2589)^10 = 0.05.
    table = pd.concat(
        [owners(gain=[0.0] * 4, paid=[False] * 4).assign(profile=[i, i, i + 1, i + 1]) for i in range(0, 10, 2)]
    )
    profiles = pd.concat([PROFILES] * 5)
    found = statistics(table, profiles, 0)
    assert found["gaining"]["any"] == pytest.approx({"mean": 0.0, "low": 0.0, "high": 1 - 0.05**0.1})
    assert (found["money"]["low"], found["money"]["high"]) == (0, 0)


def test_one_profile_says_nothing_of_others() -> None:
    table = owners().iloc[:2]
    found = statistics(table, PROFILES.iloc[:1], 0)
    assert (found["money"]["mean"], found["money"]["low"], found["money"]["high"]) == (0.5, 0, math.inf)
    assert found["gaining"]["any"] == {"mean": 0.5, "low": 0, "high": 1}


def test_a_tail_too_heavy_for_its_interval_is_told() -> None:
    # A hundred profiles of one owner whose gains are the quantiles of a Pareto law without a variance, and of one with.
    heavy = ((np.arange(100) + 0.5) / 100) ** (-1 / 1.2)
    for gain, told in ((heavy, True), (heavy**0.4, False)):
        table = pd.concat([owners().iloc[:1]] * 100).assign(profile=np.arange(100), gain=gain)
        found = statistics(table, pd.concat([PROFILES] * 50), 0)
        assert found["per_own_cost"]["heavy_tail"] is told


def test_profiles_in_which_nobody_sells_leave_the_interval_of_those_who_sell_alone() -> None:
    # Of three profiles the last has no seller: two are left, of means 0.5 and 0.1.
    table = owners()
    idle = table.iloc[2:].assign(profile=2, sells=False, payment=0.0, gain=0.0)
    profiles = pd.DataFrame({"budget": [5.0, 40.0, 1.0], "spent": [4.0, 36.0, 0.0], "sellers": [1, 1, 0]})
    found = statistics(pd.concat([table, idle], ignore_index=True), profiles, 0)["published_normalisation"]
    assert found["mean"] == pytest.approx(0.3)
    assert (found["low"], found["high"]) == pytest.approx((0, 0.3 + 12.7062 * 0.2), abs=1e-4)


def test_what_is_infinite_is_counted_beside_the_mean_it_is_missing_from() -> None:
    found = statistics(owners(own_cost=[0.0, 10.0, 100.0, 10.0]), PROFILES, 0)["per_own_cost"]
    assert found["not_finite"] == 1
    assert found["mean"] == pytest.approx(0.01)
    assert found["max"] == math.inf
    assert statistics(owners(gain=[math.inf, 0, 0, 0]), PROFILES, 0)["money"]["not_finite"] == 1


def test_no_gain_is_nothing_of_anything() -> None:
    found = statistics(owners(gain=[0.0] * 4, own_cost=[0.0] * 4, payment=[0.0] * 4), PROFILES, 0)
    for unit in ("money", "per_own_cost", "published_normalisation"):
        assert (found[unit]["mean"], found[unit]["low"], found[unit]["high"]) == (0, 0, 0)
    assert found["sum_over_payments"] == {"mean": 0, "low": 0, "high": 0}
    assert math.isnan(found["per_payment"]["mean"])
    assert found["per_payment"]["count"] == 0


def test_overspending_and_invalid_rounds_are_told() -> None:
    profiles = pd.DataFrame({"budget": [5.0, 40.0], "spent": [4.0, 43.0], "sellers": [0, 1]})
    found = statistics(owners(overspent=[0.0, 7.0, 0.0, 0.0]), profiles, 0)
    assert found["budget"] == {
        "truthful_profiles_overspent": 1,
        "lying_markets_overspent": 1,
        "largest_overspend": 7.0,
    }
    assert found["invalid_rate"] == 0.5


def test_classes_cover_everybody_once() -> None:
    table = by_class(owners(), 0)
    for _, rows in table.groupby("by"):
        assert rows["owners"].sum() == 4
    budget = table[table["by"] == "budget_factor"]
    assert budget["high_end"].tolist() == [0.5, 1.2]
    assert budget["mean"].tolist() == pytest.approx([0.05, 0.015])
    assert budget["over_0.01"].tolist() == [0.5, 0.5]
    assert table["low"].notna().all()
