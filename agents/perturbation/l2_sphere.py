"""The L2 sphere: a random direction from the half-sphere around the true one, on gradients of bounded L2 norm.

Simpler than PrivUnit and never better: its half-sphere is a cap of height 0, whatever the privacy loss. Like PrivUnit,
it has no exact sampler. Source: J. Duchi, M. Jordan, M. Wainwright, "Minimax optimal procedures for locally private
estimation", 2018.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.perturbation.base import Perturbation
from agents.perturbation.caps import half_sphere
from agents.perturbation.privunit import cap_variance, perturb_on_sphere


class L2Sphere(Perturbation):
    """A random direction from the half-sphere around the true one. It has no exact sampler."""

    name: ClassVar[str] = "l2-sphere"
    fewest_coordinates: ClassVar[int] = 2

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        """1 / (m^2 p), with m the shrinkage of the half-sphere."""
        return cap_variance(half_sphere(privacy_loss.numpy(), dimension), dimension)

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        """Draw unbiased vectors of a length that depends on the privacy loss alone.

        A gradient shorter than ``radius`` is first rounded to plus or minus ``radius`` times its direction, so that
        its mean stays; a zero gradient takes the first axis. The direction is drawn uniformly from the half-sphere
        around the rounded one with probability exp(e) / (1 + exp(e)), from the other half otherwise.
        """
        return perturb_on_sphere(gradient, half_sphere(privacy_loss.numpy(), gradient.shape[1]), generator, radius)
