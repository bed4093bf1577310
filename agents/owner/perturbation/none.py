"""No perturbation: the ceiling that private learning is measured against. It protects nobody."""

from __future__ import annotations

import torch
from torch import Tensor

NAME = "none"


def perturb(gradient: Tensor, _privacy_loss: Tensor, _generator: torch.Generator, _radius: float) -> Tensor:
    """Return the gradients ``float64[m, p]`` as they are."""
    return gradient.clone()
