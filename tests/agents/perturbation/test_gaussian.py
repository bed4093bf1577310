"""Gaussian noise: calibrated to the exact formula, checked by mpmath's root, by OpenDP and by its own distribution."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.perturbation.checked import declared_variance, perturb
from agents.perturbation.gaussian import Gaussian
from agents.perturbation.gaussian_profile import gaussian_delta, gaussian_epsilon, gaussian_shift

LOSSES = [0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 20.0]


def exact_delta(epsilon, shift):
    """Theorem 8 of Balle and Wang, in fifty digits."""
    with mpmath.workdps(50):
        epsilon, shift = mpmath.mpf(epsilon), mpmath.mpf(shift)
        upper = mpmath.ncdf(shift / 2 - epsilon / shift)
        return upper - mpmath.exp(epsilon) * mpmath.ncdf(-shift / 2 - epsilon / shift)


@pytest.mark.parametrize("delta", [1e-12, 1e-6, 1e-3, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_noise_is_the_least_that_keeps_delta(loss, delta):
    shift = 2 / math.sqrt(float(Gaussian(delta).variance(torch.tensor([loss], dtype=torch.float64), 5)))
    assert exact_delta(loss, shift) <= delta
    assert exact_delta(loss, shift * (1 + 1e-7)) > delta


def test_it_is_the_integral_of_what_one_gaussian_has_over_the_other():
    x = np.linspace(-30, 30, 600_001)
    for epsilon, shift in ((0.5, 0.3), (2.0, 1.5)):
        over = np.maximum(stats.norm.pdf(x, shift) - math.exp(epsilon) * stats.norm.pdf(x), 0)
        assert float(gaussian_delta(epsilon, shift)) == pytest.approx(np.trapezoid(over, x), rel=1e-6)


@given(shift=st.floats(1e-4, 50), delta=st.floats(1e-12, 0.1))
def test_the_two_inverses_agree(shift, delta):
    epsilon = float(gaussian_epsilon(shift, delta))
    assert exact_delta(epsilon, shift) <= delta
    if epsilon > 1e-6:
        assert float(gaussian_shift(epsilon, delta)) == pytest.approx(shift, rel=1e-6)


@pytest.mark.parametrize("loss", [0.5, 2.0])
def test_opendp_asks_for_no_less_noise(loss):
    """Its conversion from zero-concentrated privacy is a bound, ours is exact."""
    dp = pytest.importorskip("opendp.prelude")
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l2_distance(T=float)
    scale = float(Gaussian().variance(torch.tensor([loss], dtype=torch.float64), 5).sqrt())
    curve = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=scale)).map(2.0)
    assert loss < curve.epsilon(1e-6) < 1.2 * loss + 0.05


@pytest.mark.parametrize("source", ["generator", "opendp"])
def test_draws_are_gaussian_of_the_declared_variance(source):
    if source == "opendp":
        pytest.importorskip("opendp")
    draws = 10_000 if source == "generator" else 250
    gradient = torch.tensor([[0.6, -0.8, 0.0, 0.0]], dtype=torch.float64).expand(draws, -1)
    loss = torch.full((draws,), 1.5, dtype=torch.float64)
    noisy = perturb("gaussian", gradient, loss, torch.Generator().manual_seed(3), noise_source=source)
    scale = float(declared_variance("gaussian", [1.5], 4).sqrt())
    assert stats.kstest((noisy - gradient).flatten().numpy(), stats.norm(scale=scale).cdf).pvalue > 1e-3


def test_it_says_that_it_is_not_pure():
    assert Gaussian(1e-5).privacy == "(epsilon, delta)-differential privacy with delta = 1e-05 for every upload"


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-6, 0.2, 1e-13, math.nan, math.inf])
def test_a_delta_out_of_range_is_refused(delta):
    with pytest.raises(ValueError, match="delta = "):
        Gaussian(delta)
