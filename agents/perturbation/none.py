"""No perturbation: the ceiling that private learning is measured against. It protects nobody."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.perturbation.base import Perturbation

NO_NOISE_VARIANCE = 1e-6
"""What is declared, in squared radii: weights divide by a variance, so that it may not be 0."""


class NoNoise(Perturbation):
    """No noise at all: the ceiling that private learning is measured against. It protects nobody."""

    name: ClassVar[str] = "none"
    private: ClassVar[bool] = False

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        """A floor that leaves the optimal weights to the bias: nearly the shares where every record is bought."""
        return torch.full_like(privacy_loss, NO_NOISE_VARIANCE)

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        """Return the gradients as they are."""
        return gradient.clone()
