"""The Laplace mechanism: its distribution, drawn fast and drawn exactly."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.perturbation.checked import perturb
from agents.perturbation.laplace import certainly_within, exact_scale

GRADIENT = torch.tensor([[0.25, -0.75, 0.0, 0.0]], dtype=torch.float64)


def noise_of(source, draws):
    """Noise alone, for a privacy loss of 0.5 and a radius of 2: scale 8."""
    losses = torch.full((draws,), 0.5, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    noisy = perturb("laplace", GRADIENT.expand(draws, -1), losses, generator, radius=2.0, noise_source=source)
    return (noisy - GRADIENT).flatten().numpy()


def test_fast_noise_is_laplace_of_scale_twice_the_radius_over_the_loss():
    assert stats.kstest(noise_of("generator", 10_000), stats.laplace(scale=8).cdf).pvalue > 1e-3


def test_exact_noise_is_laplace_of_the_same_scale():
    pytest.importorskip("opendp")
    assert stats.kstest(noise_of("opendp", 250), stats.laplace(scale=8).cdf).pvalue > 1e-3


@given(loss=st.floats(1e-4, 20.0), radius=st.floats(1e-3, 1e3))
def test_exact_noise_never_claims_more_than_the_privacy_loss_that_is_sold(loss, radius):
    dp = pytest.importorskip("opendp.prelude")
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
    scale = exact_scale(loss, radius)
    claimed = dp.m.make_laplace(*space, scale=scale).map(d_in=2 * radius)
    assert loss * (1 - 1e-12) <= claimed <= loss
    assert scale == pytest.approx(2 * radius / loss, rel=1e-12)


def test_the_plain_quotient_would_claim_more():
    dp = pytest.importorskip("opendp.prelude")
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
    losses = [0.1 * place for place in range(1, 30)]
    assert any(dp.m.make_laplace(*space, scale=2.0 / loss).map(d_in=2.0) > loss for loss in losses)


def test_what_the_exact_sampler_gets_is_within_the_radius_in_exact_arithmetic():
    """Ten tenths are a little more than one."""
    row = [0.1] * 10
    assert sum(map(Fraction, row)) > 1
    shortened = certainly_within(row, 1.0, 1)
    assert sum(map(Fraction, shortened)) <= 1
    assert shortened == pytest.approx(row, rel=1e-11)
    assert certainly_within([0.25, -0.5], 1.0, 1) == [0.25, -0.5]


def test_exact_noise_spares_who_sells_nothing():
    pytest.importorskip("opendp")
    losses = torch.tensor([0.0, 1.0], dtype=torch.float64)
    noisy = perturb("laplace", GRADIENT.expand(2, -1), losses, torch.Generator(), noise_source="opendp")
    assert noisy[0].tolist() == [0.0] * 4
    assert math.isfinite(noisy[1].sum())
    assert bool((noisy[1] != GRADIENT[0]).all())
