"""Gaussian noise on gradients of bounded L2 norm: (epsilon, delta)-private, not purely so.

Two gradients in the L2 ball of radius L are at most 2L apart. The standard deviation is the smallest one that keeps
delta exactly (analytic calibration), not a bound of it.

Source: B. Balle and Y.-X. Wang, "Improving the Gaussian mechanism for differential privacy", 2018.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import number
from agents.perturbation.base import NOISE_SOURCES, Perturbation
from agents.perturbation.gaussian_profile import gaussian_shift
from agents.perturbation.laplace import certainly_within

DEFAULT_DELTA = 1e-6
SMALLEST_DELTA, LARGEST_DELTA = 1e-12, 0.1
"""Below, float64 cannot tell what is promised; above, hardly anything is."""


def check_delta(delta: float) -> float:
    """Return ``delta`` if it is a probability between ``SMALLEST_DELTA`` and ``LARGEST_DELTA``; otherwise refuse it."""
    return number("delta", delta, minimum=SMALLEST_DELTA, maximum=LARGEST_DELTA)


class Gaussian(Perturbation):
    """Gaussian noise, gradients clipped in L2: (epsilon, delta)-private with the field ``delta``, not purely so.

    Parameters
    ----------
    delta : float
        Probability with which the privacy loss of one upload may exceed epsilon.
    """

    name: ClassVar[str] = "gaussian"
    sources: ClassVar[tuple[str, ...]] = NOISE_SOURCES

    def __init__(self, delta: float = DEFAULT_DELTA) -> None:
        self.delta = check_delta(delta)

    def gaussian_shift(self, privacy_loss: Tensor) -> Tensor:
        """Largest distance of two gradients in standard deviations, so that delta is kept at this privacy loss."""
        return torch.from_numpy(gaussian_shift(privacy_loss.numpy(), self.delta))

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        """Squared standard deviation of the noise."""
        return (2 / self.gaussian_shift(privacy_loss)) ** 2

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        """Add Gaussian noise to every coordinate; floating-point draws, whose last bits can leak."""
        normal = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
        return gradient + self._scale(privacy_loss, radius)[:, None] * normal

    def perturb_exactly(self, gradient: Tensor, privacy_loss: Tensor, radius: float) -> Tensor:
        """Do the same with OpenDP's exact sampler, which cannot be seeded."""
        import opendp.prelude as dp

        dp.enable_features("contrib")
        space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l2_distance(T=float)
        noisy = [
            dp.m.make_gaussian(*space, scale=float(scale))(certainly_within(row.tolist(), radius, 2))
            for row, scale in zip(gradient, self._scale(privacy_loss, radius), strict=True)
        ]
        return torch.tensor(noisy, dtype=torch.float64).reshape(gradient.shape)

    def _scale(self, privacy_loss: Tensor, radius: float) -> Tensor:
        return 2 * radius / self.gaussian_shift(privacy_loss)
