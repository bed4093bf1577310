"""The tilted bootstrap against the binomial, Student and Fieller, and what must not change it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm
from scipy.stats import t as student

from analysis.intervals import resamples
from analysis.tilting import heavy_tail, tail_index, tilting_interval


@pytest.mark.parametrize(("profiles", "gaining"), [(40, 1), (40, 4), (40, 20), (12, 3)])
def test_profiles_that_gain_all_or_nothing_have_the_binomials_exact_interval(profiles: int, gaining: int) -> None:
    """Shares for which at most ``gaining`` or at least ``gaining`` are as rare as Student's quantile, ties halved."""
    share = gaining / profiles
    spread = share * (1 - share)
    kurtosis = (1 - 3 * spread) / spread
    freedom = min(profiles - 1, 2 * profiles / (kurtosis - 1)) if kurtosis > 1 else profiles - 1
    tail = norm.cdf(student.ppf(0.025, max(1, freedom)))

    def below(rate: float) -> float:
        return float(binom.cdf(gaining, profiles, rate) - binom.pmf(gaining, profiles, rate) / 2)

    high = brentq(lambda rate: below(rate) - tail, share, 1 - 1e-12)
    low = brentq(lambda rate: 1 - below(rate) - tail, 1e-12, share)
    top = (np.arange(profiles) < gaining).astype(float)
    found = tilting_interval(top, np.ones(profiles), resamples(profiles, seed=0, draws=20_000))
    assert found == pytest.approx((low, high), rel=0.03, abs=0.002)


def test_of_forty_profiles_one_gains() -> None:
    """Not infinite, and not the 0.075 of the percentiles: with a share of a seventh, one or none is still no wonder."""
    low, high = tilting_interval(np.eye(40)[0], np.ones(40), resamples(40, seed=0))
    assert 0 < low < 0.0013
    assert 0.12 < high < 0.5


def test_many_profiles_have_the_interval_of_fieller() -> None:
    """Of a ratio of two normal sums: all R for which the mean of top - R bottom is within 1.96 standard errors of 0."""
    rng = np.random.default_rng(3)
    bottom = rng.normal(10.0, 2.0, 1000)
    top = 0.3 * bottom + rng.normal(1.0, 1.0, 1000)

    def distance(ratio: float) -> float:
        value = top - ratio * bottom
        return abs(float(value.mean() / value.std() * math.sqrt(len(value)))) - 1.96

    ratio = top.sum() / bottom.sum()
    fieller = brentq(distance, ratio - 0.1, ratio), brentq(distance, ratio, ratio + 0.1)
    assert tilting_interval(top, bottom, resamples(1000, seed=0)) == pytest.approx(fieller, abs=0.0008)


def test_five_normal_values_have_at_least_students_interval() -> None:
    value = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    reach = student.ppf(0.975, 4) * math.sqrt(2.5 / 5)
    low, high = tilting_interval(value, np.ones(5), resamples(5, seed=0))
    assert 3 - reach > 1
    assert low <= 3 - reach + 1e-9
    assert high >= 3 + reach - 1e-9


def test_where_a_single_profile_pays_gains_over_payments_have_an_end_far_up_or_none() -> None:
    """All four gain 1, one of them pays 1: how rare payers are is told by one alone, or not at all if one gains all."""
    bottom, weights = np.array([0.0, 0.0, 1.0, 0.0]), resamples(4, seed=0)
    low, high = tilting_interval(np.ones(4), bottom, weights)
    assert low < 4
    assert 1000 < high < 1e5
    assert tilting_interval(np.array([0.0, 1.0, 0.0, -0.001]), bottom, weights)[1] == np.inf


def test_skewed_gains_reach_further_up_than_down() -> None:
    value = np.random.default_rng(0).exponential(1.0, 40)
    low, high = tilting_interval(value, np.ones(40), resamples(40, seed=0))
    assert high - value.mean() > 1.2 * (value.mean() - low)


profiles = st.lists(st.tuples(st.floats(0, 10), st.integers(1, 9)), min_size=6, max_size=30).filter(
    lambda pairs: np.ptp([top / bottom for top, bottom in pairs]) > 1e-3
)


@settings(max_examples=40, deadline=None)
@given(profiles, st.randoms(use_true_random=False))
def test_neither_order_nor_unit_nor_a_gift_to_everybody_matters(pairs: list[tuple[float, int]], random) -> None:
    top, bottom = np.array(pairs).T
    weights = resamples(len(top), seed=0, draws=200)
    low, high = tilting_interval(top, bottom, weights)
    each = top / bottom
    assert each.min() - 1e-9 <= low <= top.sum() / bottom.sum() <= high <= each.max() + 1e-9
    assert (low, high) == tilting_interval(top, bottom, weights)
    mixed = np.array(random.sample(range(len(top)), len(top)))
    assert (low, high) == pytest.approx(tilting_interval(top[mixed], bottom[mixed], weights), rel=1e-6)
    assert (1e200 * low, 1e200 * high) == pytest.approx(tilting_interval(1e200 * top, bottom, weights), rel=1e-6)
    assert (1e-9 * low, 1e-9 * high) == pytest.approx(tilting_interval(top, 1e9 * bottom, weights), rel=1e-6)


def test_a_gift_to_everybody_moves_both_ends_by_it() -> None:
    value = np.random.default_rng(1).exponential(1.0, 30)
    weights = resamples(30, seed=0)
    low, high = tilting_interval(value, np.ones(30), weights)
    assert tilting_interval(value + 5, np.ones(30), weights) == pytest.approx((low + 5, high + 5), abs=1e-6)


def test_a_higher_level_reaches_further() -> None:
    value, weights = np.random.default_rng(2).exponential(1.0, 30), resamples(30, seed=0)
    low, high = tilting_interval(value, np.ones(30), weights, level=0.95)
    narrow = tilting_interval(value, np.ones(30), weights, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_hills_index_by_hand() -> None:
    """Of 50 totals e^1 ... e^50 it is read off 8, whose logs are 8, 7, ..., 1 above the ninth, 4.5 on average."""
    assert tail_index(np.exp(np.arange(1.0, 51.0))) == pytest.approx(1 / 4.5)
    assert tail_index(np.exp(np.arange(1.0, 50.0))) == math.inf
    assert tail_index(np.append(np.exp(np.arange(1.0, 51.0)), [0.0, -3.0])) == pytest.approx(1 / 4.5)
    assert tail_index(np.ones(60)) == math.inf


def test_a_tail_is_heavy_where_its_variance_is_infinite() -> None:
    quantile = (np.arange(1000) + 0.5) / 1000
    assert heavy_tail(quantile ** (-1 / 1.5))
    assert not heavy_tail(quantile ** (-1 / 3))
    assert not heavy_tail(-np.log(quantile))
