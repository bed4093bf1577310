"""PrivUnit: a random direction that leans towards the true one, on gradients of bounded L2 norm.

There is no exact sampler: draws are floating-point numbers, so that the privacy loss holds for the mechanism in real
numbers and the last bits of a draw can leak more (Mironov 2012, for Laplace noise). That is good for simulation; where
it matters, choose ``laplace`` or ``gaussian`` with ``noise_source="opendp"``.

Source: Bhowmick, Duchi, Freudiger, Kapoor, Rogers 2018; constants in ``agents.perturbation.caps``.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from agents.perturbation.base import Perturbation
from agents.perturbation.caps import SphericalCap, spherical_cap


class PrivUnit(Perturbation):
    """A random direction that leans towards the true one; the least noise of the pure ones. It has no exact sampler."""

    name: ClassVar[str] = "privunit"
    fewest_coordinates: ClassVar[int] = 2
    every_coordinate: ClassVar[bool] = False

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        """1 / (m^2 p), with m the cap's shrinkage; norms stay private, hence nothing is subtracted for them."""
        return cap_variance(spherical_cap(privacy_loss.numpy(), dimension), dimension)

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        """Draw unbiased vectors of a length that depends on the privacy loss alone.

        A gradient g shorter than ``radius`` is first rounded to plus or minus ``radius`` times its direction, so that
        its mean stays g; a zero gradient takes the first axis. The direction is then drawn from the spherical cap
        around the rounded one with the cap's probability and from the rest of the sphere otherwise, uniformly within
        each.
        """
        return perturb_on_sphere(gradient, spherical_cap(privacy_loss.numpy(), gradient.shape[1]), generator, radius)


def cap_variance(cap: SphericalCap, dimension: int) -> Tensor:
    """Second moment of one coordinate, on average, of vectors drawn from these caps at radius 1."""
    return 1 / (torch.from_numpy(cap.shrinkage) ** 2 * dimension)


def perturb_on_sphere(gradient: Tensor, cap: SphericalCap, generator: torch.Generator, radius: float) -> Tensor:
    """The same for any caps, one for every gradient of ``gradient[m, p]``."""
    owners, dimension = gradient.shape
    uniform = torch.rand(3, owners, generator=generator, dtype=torch.float64)
    normal = torch.randn(owners, dimension, generator=generator, dtype=torch.float64)

    direction = gradient.double()  # as exact as the noise is
    norm = direction.norm(dim=1)
    direction = direction / norm.clamp(min=1e-300)[:, None]
    direction[norm == 0, 0] = 1.0
    sign = torch.where(uniform[0] < (1 + norm / radius) / 2, 1.0, -1.0).double()
    direction.mul_((sign / direction.norm(dim=1))[:, None])

    inside, height = uniform[1].numpy() < cap.probability, uniform[2].numpy()
    tail = np.where(inside, height * cap.area, cap.area + height * (1 - cap.area))
    along = torch.from_numpy(_height_above_tail(tail, dimension))
    length = radius / torch.from_numpy(cap.shrinkage)
    across = normal.addcmul_((normal * direction).sum(dim=1, keepdim=True), direction, value=-1)
    across.mul_((length * (1 - along**2).sqrt() / across.norm(dim=1))[:, None])
    return across.addcmul_((length * along)[:, None], direction)


def _height_above_tail(tail: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Height t on the unit sphere with uniform probability ``tail`` above it; (1 + t) / 2 is Beta distributed.

    Inverting the distribution of t^2 from the nearer end keeps full precision both far out, where 1 - tail would
    round to 1, and near the equator.
    """
    nearer = 2 * np.minimum(tail, 1 - tail)
    height = np.sqrt(special.betainccinv(0.5, (dimension - 1) / 2, nearer))
    return np.asarray(np.where(tail <= 0.5, height, -height))
