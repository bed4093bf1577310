"""The L2 sphere: a random direction from the half-sphere around the true one, on gradients of bounded L2 norm.

Simpler than PrivUnit and never better: its half-sphere is a cap of height 0, whatever the privacy loss. Like PrivUnit,
it has no exact sampler. Source: J. Duchi, M. Jordan, M. Wainwright, "Minimax optimal procedures for locally private
estimation", 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.noise import half_sphere
from agents.owner.perturbation.privunit import perturb_on_sphere

NAME = "l2-sphere"


def perturb(gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
    """Draw unbiased vectors of a length that depends on the privacy loss alone.

    A gradient shorter than ``radius`` is first rounded to plus or minus ``radius`` times its direction, so that its
    mean stays; a zero gradient takes the first axis. The direction is drawn uniformly from the half-sphere around the
    rounded one with probability exp(e) / (1 + exp(e)), from the other half otherwise.

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
    return perturb_on_sphere(gradient, half_sphere(privacy_loss.numpy(), gradient.shape[1]), generator, radius)
