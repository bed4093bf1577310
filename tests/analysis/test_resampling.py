"""Bootstrap of ratios of sums."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.resampling import ends, ratios, resamples


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
