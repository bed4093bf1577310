"""PrivUnit's draws against its exact law: the height above the true direction, and the symmetry around it."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from agents.perturbation.caps import spherical_cap
from agents.perturbation.checked import perturb


def directions(loss, dimension, gradient=None, draws=20_000):
    """Unit vectors of the uploads for a gradient of full length along the first axis."""
    if gradient is None:
        gradient = torch.zeros(dimension, dtype=torch.float64)
        gradient[0] = 1.0
    losses = torch.full((draws,), loss, dtype=torch.float64)
    noisy = perturb("privunit", gradient.expand(draws, -1), losses, torch.Generator().manual_seed(0))
    return noisy / noisy.norm(dim=1, keepdim=True)


def height_cdf(loss, dimension):
    """Exact distribution of the height: a uniform sphere, reweighted within and without the cap."""
    cap = spherical_cap(np.array([loss]), dimension)
    area, probability = cap.area[0], cap.probability[0]

    def cdf(t):
        below = special.betainc((dimension - 1) / 2, (dimension - 1) / 2, (1 + t) / 2)
        outside = (1 - probability) * np.minimum(below, 1 - area) / (1 - area)
        return outside + probability * np.maximum(below - (1 - area), 0) / area

    return cdf


@pytest.mark.parametrize(("loss", "dimension"), [(0.5, 2), (1.0, 3), (2.0, 10), (8.0, 10), (2.0, 650), (20.0, 650)])
def test_heights_follow_the_exact_law(loss, dimension):
    heights = directions(loss, dimension, draws=20_000 if dimension < 100 else 2_000)[:, 0]
    assert stats.kstest(heights.numpy(), height_cdf(loss, dimension)).pvalue > 1e-3


def test_everything_across_the_direction_is_uniform():
    across = directions(2.0, 4)[:, 1:]
    across = across / across.norm(dim=1, keepdim=True)
    for coordinate in across.T:
        assert stats.kstest(coordinate.numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_every_upload_has_the_length_that_the_loss_alone_fixes():
    losses = torch.tensor([0.5, 0.5, 3.0], dtype=torch.float64)
    gradient = torch.tensor([[1.0, 0, 0], [0, 0.1, 0], [0, 0, 0]], dtype=torch.float64)
    length = perturb("privunit", gradient, losses, torch.Generator().manual_seed(0)).norm(dim=1)
    assert length[0] == pytest.approx(float(length[1]), rel=1e-12)
    assert length[2] < length[0]
    assert length.numpy() == pytest.approx(1 / spherical_cap(losses.numpy(), 3).shrinkage, rel=1e-12)


def test_a_short_gradient_points_backwards_as_often_as_its_length_says():
    gradient = torch.tensor([0.5, 0, 0], dtype=torch.float64)
    forward = (directions(30.0, 3, gradient)[:, 0] > 0).double().mean()
    assert float(forward) == pytest.approx(0.75, abs=0.02)


def test_extreme_losses_stay_finite():
    losses = torch.tensor([1e-9, 1e-3, 50.0, 1e6], dtype=torch.float64)
    gradient = torch.zeros(4, 650, dtype=torch.float64)
    gradient[:, 3] = 1.0
    noisy = perturb("privunit", gradient, losses, torch.Generator().manual_seed(0))
    assert bool(torch.isfinite(noisy).all())
