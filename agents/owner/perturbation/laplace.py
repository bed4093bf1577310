"""The Laplace mechanism on gradients of bounded L1 norm, with fast or exact draws.

Source: Dwork et al. 2006; FL-Market, section III-A. Two gradients in the L1 ball of radius L are at most 2L apart, so
that noise of scale 2L / e on every coordinate is e-LDP for any two inputs.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

NAME = "laplace"

SLACK = 1e-12
"""More than rounding moves a sum of float64 numbers, less than anybody would notice."""


def perturb(gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
    """Add Laplace noise of scale ``2 * radius / privacy_loss`` to every coordinate.

    The draws are ordinary floating-point numbers: good for simulation, while the least significant bits of such a
    sum can leak (Mironov 2012). ``perturb_exactly`` has no such gap.

    Parameters
    ----------
    gradient : float64[m, p]
        L1 norms at most ``radius``.
    privacy_loss : float64[m]
        Positive.

    Returns
    -------
    float64[m, p]
    """
    exponential = torch.empty(2, *gradient.shape, dtype=torch.float64).exponential_(generator=generator)
    return gradient + (2 * radius / privacy_loss)[:, None] * (exponential[0] - exponential[1])


def perturb_exactly(gradient: Tensor, privacy_loss: Tensor, radius: float) -> Tensor:
    """Do the same with OpenDP's exact sampler: no gap between the real and the floating-point mechanism.

    It draws from the operating system's entropy, cannot be seeded, and takes about 25 microseconds a coordinate.
    """
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
    noisy = [
        dp.m.make_laplace(*space, scale=exact_scale(float(loss), radius))(_certainly_within(row.tolist(), radius))
        for row, loss in zip(gradient, privacy_loss, strict=True)
    ]
    return torch.tensor(noisy, dtype=torch.float64).reshape(gradient.shape)


def exact_scale(privacy_loss: float, radius: float) -> float:
    """Smallest scale that OpenDP accepts as this privacy loss: its ``map`` rounds up, a quotient may be too small."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
    scale = 2 * radius / privacy_loss

    def claimed() -> float:
        mechanism: Any = dp.m.make_laplace(*space, scale=scale)
        return float(mechanism.map(2 * radius))

    while claimed() > privacy_loss:
        scale = math.nextafter(scale, math.inf)
    return scale


def _certainly_within(row: list[float], radius: float) -> list[float]:
    """The gradient, shortened by a hair where its L1 norm, in exact arithmetic, might exceed the radius."""
    if math.fsum(map(abs, row)) <= radius * (1 - SLACK):
        return row
    return [value * (1 - 2 * SLACK) for value in row]
