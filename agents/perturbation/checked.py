"""Perturbing gradients and declaring variances, with all that goes in and all that a perturbation returns checked."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.checks import generator_of, number, real_array, whole
from agents.perturbation.registry import PerturbationChoice, perturbation_of

ROUNDING = 1e-3
"""Relative excess over the radius that is taken for rounding of a float32 gradient, and scaled away."""


def declared_variance(
    perturbation: PerturbationChoice, privacy_loss: Any, dimension: int, radius: float = 1.0
) -> Tensor:
    """Declared variance of one coordinate of a perturbed gradient, infinite where no privacy loss is bought.

    It is the second moment and so never too little; norms stay private, hence nothing is subtracted for them.

    Parameters
    ----------
    perturbation : str, type or Perturbation
    privacy_loss : float64 array of any shape
        Nonnegative; 0 means that nothing is uploaded.
    dimension : int
        Coordinates p of the gradient.
    radius : float
        Largest norm L of a gradient, in the perturbation's norm.

    Returns
    -------
    float64 tensor of the shape of ``privacy_loss``

    Raises
    ------
    TypeError, ValueError
        For an unknown name, an argument out of range, or a variance that is not positive and finite.
    """
    mechanism = perturbation_of(perturbation)
    loss = real_array("privacy_loss", privacy_loss)
    whole("dimension", dimension, minimum=mechanism.fewest_coordinates)
    number("radius", radius, above=0.0)
    sold = loss > 0
    unit = mechanism.variance(torch.where(sold, loss, 1.0), dimension)
    if not isinstance(unit, Tensor) or unit.shape != loss.shape or not bool((unit > 0).all() & unit.isfinite().all()):
        raise ValueError(
            f"perturbation {mechanism.name!r}: variance has to return a positive finite number for every privacy loss"
        )
    return torch.where(sold, unit * radius**2, torch.inf)


def perturb(
    perturbation: PerturbationChoice,
    gradient: Tensor,
    privacy_loss: Tensor,
    generator: torch.Generator,
    *,
    radius: float = 1.0,
    noise_source: str = "generator",
) -> Tensor:
    """Perturb one gradient per owner, each with her own privacy loss.

    What is drawn from ``generator`` depends on the shape of ``gradient`` alone, so that runs which differ in bids or
    outcomes stay paired when all bidders are passed and the sellers selected afterwards.

    Parameters
    ----------
    perturbation : str, type or Perturbation
    gradient : float32 or float64[m, p]
        Norms at most ``radius``, in the perturbation's norm.
    privacy_loss : float64[m]
        Nonnegative; a row with 0 uploads nothing and comes back as zeros.
    generator : torch.Generator
        Noise stream; not used if ``noise_source`` is "opendp".
    radius : float
        Clipping radius, public.
    noise_source : {"generator", "opendp"}
        Fast floating-point draws, or OpenDP's exact sampler (extra ``exact-noise``, not seedable).

    Returns
    -------
    float64[m, p]

    Raises
    ------
    TypeError, ValueError
        For unknown names, shapes that do not match, gradients beyond the radius, and uploads that are none.
    """
    mechanism = perturbation_of(perturbation)
    mechanism.check_source(noise_source)
    generator_of("generator", generator)
    number("radius", radius, above=0.0)
    if not isinstance(gradient, Tensor) or gradient.ndim != 2 or not gradient.is_floating_point():
        raise TypeError("gradient: pass a float32 or float64 tensor of shape [owners, coordinates]")
    loss = real_array("privacy_loss", privacy_loss, shape=(gradient.shape[0],))
    clipped = _within(gradient.double(), radius, mechanism.norm)
    sold = loss > 0
    if noise_source == "opendp":
        noisy = torch.zeros_like(clipped)
        noisy[sold] = mechanism.perturb_exactly(clipped[sold], loss[sold], float(radius))
        return noisy
    drawn = mechanism.perturb(clipped, torch.where(sold, loss, 1.0), generator, float(radius))
    if not isinstance(drawn, Tensor) or drawn.shape != clipped.shape or not bool(torch.isfinite(drawn).all()):
        raise ValueError(
            f"perturbation {mechanism.name!r}: perturb has to return a finite tensor of shape {list(clipped.shape)}"
        )
    return torch.where(sold[:, None], drawn.double(), 0.0)


def _within(gradient: Tensor, radius: float, order: int) -> Tensor:
    norm = gradient.norm(p=order, dim=1, keepdim=True)
    if not bool((norm <= radius * (1 + ROUNDING)).all()):
        raise ValueError(
            f"gradient has an L{order} norm of {norm.max().item()!r}, over the radius {radius!r} or not finite: "
            "clip gradients to the radius before perturbing them"
        )
    within: Tensor = gradient * (radius / norm.clamp(min=radius))
    return within
