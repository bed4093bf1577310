"""The Laplace mechanism: its distribution, drawn fast and drawn exactly."""

import math

import pytest
import torch
from scipy import stats

from agents.owner.perturbation.registry import perturb

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


def test_exact_noise_claims_the_privacy_loss_that_is_sold():
    dp = pytest.importorskip("opendp.prelude")
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
    assert dp.m.make_laplace(*space, scale=8.0).map(d_in=4.0) == pytest.approx(0.5, rel=1e-12)


def test_exact_noise_spares_who_sells_nothing():
    pytest.importorskip("opendp")
    losses = torch.tensor([0.0, 1.0], dtype=torch.float64)
    noisy = perturb("laplace", GRADIENT.expand(2, -1), losses, torch.Generator(), noise_source="opendp")
    assert noisy[0].tolist() == [0.0] * 4
    assert math.isfinite(noisy[1].sum())
    assert bool((noisy[1] != GRADIENT[0]).all())
