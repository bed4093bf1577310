"""Finding perturbations: every module of this package with a ``NAME`` and a ``perturb`` is discovered automatically."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType

import torch
from torch import Tensor

from agents.checks import generator_of, number, one_of, real_array
from agents.noise import check_noise_source, norm_order
from agents.owner import perturbation

ROUNDING = 1e-3
"""Relative excess over the radius that is taken for rounding of a float32 gradient, and scaled away."""


@functools.cache
def perturbation_modules() -> dict[str, ModuleType]:
    """Every perturbation's module, by the perturbation's name."""
    modules = (
        importlib.import_module(f"{perturbation.__name__}.{found.name}")
        for found in pkgutil.iter_modules(perturbation.__path__)
    )
    return {module.NAME: module for module in sorted(modules, key=lambda m: m.__name__) if hasattr(module, "NAME")}


def perturb(
    name: str,
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
    name : str
        One of ``agents.noise.NAMES``.
    gradient : float32 or float64[m, p]
        Norms at most ``radius``, in the norm of ``agents.noise.norm_order(name)``.
    privacy_loss : float64[m]
        Nonnegative; a row with 0 uploads nothing and comes back as zeros.
    generator : torch.Generator
        Noise stream; not used if ``noise_source`` is "opendp".
    radius : float
        Clipping radius, public.
    noise_source : {"generator", "opendp"}
        Fast floating-point draws, or OpenDP's exact sampler (``laplace`` only, extra ``exact-noise``, not seedable).

    Returns
    -------
    float64[m, p]

    Raises
    ------
    TypeError, ValueError
        For unknown names, shapes that do not match, and gradients beyond the radius.
    """
    module = perturbation_modules()[one_of("perturbation", name, perturbation_modules())]
    check_noise_source(name, noise_source)
    generator_of("generator", generator)
    number("radius", radius, above=0.0)
    if not isinstance(gradient, Tensor) or gradient.ndim != 2 or not gradient.is_floating_point():
        raise TypeError("gradient: pass a float32 or float64 tensor of shape [owners, coordinates]")
    loss = real_array("privacy_loss", privacy_loss, shape=(gradient.shape[0],))
    clipped = _within(gradient.double(), radius, norm_order(name))
    sold = loss > 0
    positive = torch.where(sold, loss, 1.0)
    noisy: Tensor
    if noise_source == "opendp":
        noisy = torch.zeros_like(clipped)
        noisy[sold] = module.perturb_exactly(clipped[sold], loss[sold], float(radius))
        return noisy
    noisy = module.perturb(clipped, positive, generator, float(radius))
    return torch.where(sold[:, None], noisy, 0.0)


def _within(gradient: Tensor, radius: float, order: int) -> Tensor:
    norm = gradient.norm(p=order, dim=1, keepdim=True)
    if not bool((norm <= radius * (1 + ROUNDING)).all()):
        raise ValueError(
            f"gradient has an L{order} norm of {norm.max().item()!r}, over the radius {radius!r} or not finite: "
            "clip gradients to the radius before perturbing them"
        )
    within: Tensor = gradient * (radius / norm.clamp(min=radius))
    return within
