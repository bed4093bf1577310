"""The L2 sphere's draws against its exact law."""

import math

import pytest
import torch
from scipy import special, stats

from agents.perturbation.checked import perturb


@pytest.mark.parametrize(("loss", "dimension"), [(0.5, 2), (1.0, 3), (2.0, 10), (4.0, 650)])
def test_each_half_is_uniform_and_the_right_one_as_likely_as_the_loss_says(loss, dimension):
    draws = 20_000 if dimension < 100 else 2_000
    gradient = torch.zeros(draws, dimension, dtype=torch.float64)
    gradient[:, 0] = 1.0
    losses = torch.full((draws,), loss, dtype=torch.float64)
    noisy = perturb("l2-sphere", gradient, losses, torch.Generator().manual_seed(0))
    length = noisy.norm(dim=1)
    assert torch.allclose(length, length[:1])
    height = (noisy[:, 0] / length).numpy()
    right = int((height > 0).sum())
    assert stats.binomtest(right, draws, 1 / (1 + math.exp(-loss))).pvalue > 1e-3

    def within_half(t):
        return 2 * special.betainc((dimension - 1) / 2, (dimension - 1) / 2, (1 + t) / 2) - 1

    assert stats.kstest(height[height > 0], within_half).pvalue > 1e-3
    assert stats.kstest(-height[height <= 0], within_half).pvalue > 1e-3
