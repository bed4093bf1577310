"""PrivUnit: a random direction that leans towards the true one, on gradients of bounded L2 norm.

There is no exact sampler: draws are floating-point numbers, so that the privacy loss holds for the mechanism in real
numbers and the last bits of a draw can leak more (Mironov 2012, for Laplace noise). That is good for simulation; where
it matters, choose ``laplace`` with ``noise_source="opendp"``.

Source: Bhowmick, Duchi, Freudiger, Kapoor, Rogers 2018; constants in ``agents.noise``.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from agents.noise import SphericalCap, spherical_cap

NAME = "privunit"


def perturb(gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
    """Draw unbiased vectors of a length that depends on the privacy loss alone.

    A gradient g shorter than ``radius`` is first rounded to plus or minus ``radius`` times its direction, so that
    its mean stays g; a zero gradient takes the first axis. The direction is then drawn from the spherical cap around
    the rounded one with the cap's probability and from the rest of the sphere otherwise, uniformly within each.

    Parameters
    ----------
    gradient : float64[m, p]
        L2 norms at most ``radius``; p at least 2.
    privacy_loss : float64[m]
        Positive.

    Returns
    -------
    float64[m, p]
    """
    return perturb_on_sphere(gradient, spherical_cap(privacy_loss.numpy(), gradient.shape[1]), generator, radius)


def perturb_on_sphere(gradient: Tensor, cap: SphericalCap, generator: torch.Generator, radius: float) -> Tensor:
    """The same for any caps, one for every gradient of ``gradient[m, p]``."""
    owners, dimension = gradient.shape
    uniform = torch.rand(3, owners, generator=generator, dtype=torch.float64)
    normal = torch.randn(owners, dimension, generator=generator, dtype=torch.float64)

    norm = gradient.norm(dim=1)
    first_axis = torch.zeros(dimension, dtype=torch.float64)
    first_axis[0] = 1.0
    direction = torch.where(norm[:, None] > 0, gradient / norm.clamp(min=1e-300)[:, None], first_axis)
    direction = direction / direction.norm(dim=1, keepdim=True)
    sign = torch.where(uniform[0] < (1 + norm / radius) / 2, 1.0, -1.0).double()
    direction = sign[:, None] * direction

    inside, height = uniform[1].numpy() < cap.probability, uniform[2].numpy()
    tail = np.where(inside, height * cap.area, cap.area + height * (1 - cap.area))
    along = torch.from_numpy(_height_above_tail(tail, dimension))
    across = normal - (normal * direction).sum(dim=1, keepdim=True) * direction
    across = across / across.norm(dim=1, keepdim=True)
    drawn: Tensor = along[:, None] * direction + (1 - along**2).sqrt()[:, None] * across
    length = radius / torch.from_numpy(cap.shrinkage)
    return length[:, None] * drawn


def _height_above_tail(tail: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Height t on the unit sphere with uniform probability ``tail`` above it; (1 + t) / 2 is Beta distributed.

    Inverting the distribution of t^2 from the nearer end keeps full precision both far out, where 1 - tail would
    round to 1, and near the equator.
    """
    nearer = 2 * np.minimum(tail, 1 - tail)
    height = np.sqrt(special.betainccinv(0.5, (dimension - 1) / 2, nearer))
    return np.asarray(np.where(tail <= 0.5, height, -height))
