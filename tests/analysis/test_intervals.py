"""Intervals by hand: Student's over repetitions, bootstraps over clusters and of ratios of sums."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.intervals import (
    across_seeds,
    blocks_across_seeds,
    clustered_mean,
    ends,
    mean_across_seeds,
    ratio_ends,
    ratios,
    resamples,
)

TRADES = pd.DataFrame({"seed": [0, 0, 0, 1, 1], "round": [0, 1, 1, 0, 1], "gain": [1.0, 2.0, 6.0, 3.0, float("nan")]})


def test_three_values_by_hand():
    """Mean 2, standard error 1/sqrt(3), and 4.303 of them for two degrees of freedom."""
    found = across_seeds([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))


def test_one_value_says_nothing_of_the_spread():
    found = across_seeds([1.5])
    assert (found.mean, found.low, found.high) == (1.5, -math.inf, math.inf)
    assert math.isnan(across_seeds([]).mean)
    with pytest.raises(ValueError, match=r"values has shape \[1, 1\]"):
        across_seeds([[1.0]])


def test_runs_count_alike_however_many_rows_they_have():
    assert mean_across_seeds(TRADES, "gain").mean == (3.0 + 3.0) / 2


def test_blocks_follow_one_another():
    blocks = blocks_across_seeds(TRADES, "gain", blocks=2)
    assert blocks["round"].tolist() == [1.0, 2.0]
    assert blocks["mean"].tolist() == [2.0, 4.0]
    assert blocks_across_seeds(TRADES.iloc[:0], "gain").empty


def test_the_mean_of_equal_values_is_certain():
    interval = clustered_mean([3.0, 3.0, 3.0], [0, 1, 2])
    assert (interval.mean, interval.low, interval.high) == (3.0, 3.0, 3.0)


def test_one_cluster_says_nothing_about_the_spread():
    interval = clustered_mean([1.0, 2.0], ["a", "a"])
    assert (interval.mean, interval.low, interval.high) == (1.5, -np.inf, np.inf)


def test_values_that_move_together_widen_the_interval():
    """A hundred values in ten clusters of equal members are worth ten values."""
    value = np.random.default_rng(0).normal(size=10).repeat(10)
    together = clustered_mean(value, np.arange(10).repeat(10))
    apart = clustered_mean(value, np.arange(100))
    assert together.mean == apart.mean
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_interval_of_many_independent_values_is_the_textbooks():
    value = np.random.default_rng(1).normal(size=400)
    interval = clustered_mean(value, np.arange(400), draws=4000)
    half = 1.96 * value.std(ddof=1) / 20
    assert interval.low == pytest.approx(value.mean() - half, abs=0.01)
    assert interval.high == pytest.approx(value.mean() + half, abs=0.01)


def test_the_bootstrap_has_its_own_seeded_stream():
    value, cluster = np.arange(12.0), np.arange(12) // 2
    assert clustered_mean(value, cluster, seed=1) == clustered_mean(value, cluster, seed=1)
    assert clustered_mean(value, cluster, seed=1) != clustered_mean(value, cluster, seed=2)


@given(st.lists(st.tuples(st.floats(-10, 10), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_interval_lies_within_the_cluster_means(pairs):
    value, cluster = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    interval = clustered_mean(value, cluster, draws=50)
    means = [value[cluster == name].mean() for name in set(cluster)]
    if len(means) > 1:
        assert interval.low <= interval.mean <= interval.high
        if len(means) >= 6:
            assert min(means) - 1e-9 <= interval.low <= interval.high <= max(means) + 1e-9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), r"values has shape \[0\]: pass at least one finite number"),
        (([1.0, np.nan], [0, 1]), "pass at least one finite number"),
        (([1.0, 2.0], [0]), "clusters has length 1; pass one per value, 2"),
    ],
)
def test_a_mean_of_nothing_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        clustered_mean(*arguments)


def test_every_sample_draws_as_many_profiles_as_there_are():
    weights = resamples(7, seed=1, draws=50)
    assert weights.shape == (50, 7)
    assert (weights.sum(-1) == 7).all()
    assert np.array_equal(weights, resamples(7, seed=1, draws=50))


def test_a_ratio_of_sums_by_hand():
    # The second profile twice, the first not at all: (3 + 3) / (4 + 4); then both once: (1 + 3) / (2 + 4).
    weights = np.array([[0.0, 2.0], [1.0, 1.0]])
    assert ratios(weights, [1.0, 3.0], [2.0, 4.0]).tolist() == [6 / 8, 4 / 6]


def test_over_nothing_a_ratio_is_infinite_or_no_number():
    found = ratios(np.eye(2), [1.0, 0.0], [0.0, 0.0])
    assert found[0] == np.inf
    assert np.isnan(found[1])


def test_nobody_of_forty_profiles_gains_by_the_rule_of_three():
    """If a share q of all profiles gained, 40 would miss it with (1 - q)^40: 0.05 where q is 0.0722, about 3 / 40."""
    none = ratio_ends("", np.zeros(40), np.full(40, 10.0), resamples(40, seed=0), bounds=(0, 1))
    assert none == pytest.approx({"low": 0.0, "high": 0.072158}, abs=1e-6)
    everybody = ratio_ends("", np.full(40, 10.0), np.full(40, 10.0), resamples(40, seed=0), bounds=(0, 1))
    assert everybody == pytest.approx({"low": 1 - 0.072158, "high": 1.0}, abs=1e-6)
    half = ratio_ends("", np.full(40, 5.0), np.full(40, 10.0), resamples(40, seed=0), bounds=(0, 1))
    assert half == pytest.approx({"low": 0.5 - 0.036079, "high": 0.5 + 0.036079}, abs=1e-6)


def test_how_much_an_unseen_profile_could_gain_is_not_made_up():
    assert ratio_ends("", np.zeros(40), np.ones(40), resamples(40, seed=0), bounds=(0, np.inf)) == {"low": 0, "high": 0}
    # Three sums of 0.1 differ in the last digit from 0.3: that is no spread.
    alike = ratio_ends("", [0.1 + 0.1 + 0.1, 0.3, 0.3], [3.0] * 3, resamples(3, seed=0))
    assert alike["low"] == alike["high"] == pytest.approx(0.1)


def test_one_profile_says_nothing_about_the_others():
    weights = resamples(3, seed=0)
    for top, bottom in (([1.0], [2.0]), ([1.0, 0.0, 0.0], [2.0, 0.0, 0.0])):
        assert ratio_ends("a_", top, bottom, weights[:, : len(top)], bounds=(0, 1)) == {"a_low": 0, "a_high": 1}


def test_two_profiles_have_students_interval_as_far_as_a_mean_can_reach():
    """Means 0.5 and 1.5: 1 - 12.706 / 2 is below 0, where no gain is."""
    found = ratio_ends("", [1.0, 3.0], [2.0, 2.0], resamples(2, seed=0), bounds=(0, np.inf))
    assert found == pytest.approx({"low": 0.0, "high": 1 + 12.7062 / 2}, abs=1e-4)


def test_over_nothing_there_is_no_interval():
    weights = resamples(8, seed=0)
    nothing = ratio_ends("", np.zeros(8), np.zeros(8), weights)
    assert math.isnan(nothing["low"])
    assert math.isnan(nothing["high"])
    assert ratio_ends("", np.eye(8)[0], np.zeros(8), weights) == {"low": np.inf, "high": np.inf}


def test_an_infinite_gain_makes_the_upper_end_infinite():
    found = ratio_ends("", [np.inf, 1.0, 2.0, 1.0], np.ones(4), np.array([[1.0] * 4, [0.5, 1.5, 1.0, 1.0]]))
    assert found["high"] == np.inf


def test_the_interval_of_a_mean_is_that_of_the_central_limit():
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    interval = ends("mean_", ratios(resamples(400, seed=0), values, np.ones(400)))
    half = 1.96 * values.std() / 20
    assert interval["mean_low"] == pytest.approx(values.mean() - half, abs=0.03)
    assert interval["mean_high"] == pytest.approx(values.mean() + half, abs=0.03)


def test_infinite_samples_make_an_end_infinite():
    assert ends("", np.array([1.0, np.inf])) == {"low": 1.0, "high": np.inf}
    assert ends("", np.append(np.arange(1000.0), np.inf)) == {"low": 25.0, "high": 975.0}
    assert ends("", np.full(3, np.inf)) == {"low": np.inf, "high": np.inf}


def test_samples_without_a_number_could_be_anything():
    assert ends("", np.array([1.0, np.nan])) == {"low": -np.inf, "high": np.inf}
    nothing = ends("", np.array([np.nan, np.nan]))
    assert np.isnan(nothing["low"])
    assert np.isnan(nothing["high"])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="count = 0"):
        resamples(0, seed=0)
