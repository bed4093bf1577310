"""Laplace noise on gradients of bounded L1 norm: the paper's own mechanism.

Source: FL-Market, section III-A; Dwork et al. 2006. Two gradients in the L1 ball of radius L are at most 2L apart, so
that noise of scale 2L / e on every coordinate is e-LDP for any two inputs.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.perturbation.base import NOISE_SOURCES, Perturbation

SLACK = 1e-12
"""More than rounding moves a sum of float64 numbers, less than anybody would notice."""


class Laplace(Perturbation):
    """Laplace noise of scale 2L/e on every coordinate, gradients clipped in L1: the paper's own mechanism."""

    name: ClassVar[str] = "laplace"
    norm: ClassVar[int] = 1
    sources: ClassVar[tuple[str, ...]] = NOISE_SOURCES

    def variance(self, privacy_loss: Tensor, dimension: int) -> Tensor:
        """8 / e^2."""
        return 8 / privacy_loss**2

    def perturb(self, gradient: Tensor, privacy_loss: Tensor, generator: torch.Generator, radius: float) -> Tensor:
        """Add Laplace noise of scale ``2 * radius / privacy_loss`` to every coordinate.

        The draws are ordinary floating-point numbers: good for simulation, while the least significant bits of such
        a sum can leak (Mironov 2012). ``perturb_exactly`` has no such gap.
        """
        exponential = torch.empty(2, *gradient.shape, dtype=torch.float64).exponential_(generator=generator)
        return gradient + (2 * radius / privacy_loss)[:, None] * (exponential[0] - exponential[1])

    def perturb_exactly(self, gradient: Tensor, privacy_loss: Tensor, radius: float) -> Tensor:
        """Do the same with OpenDP's exact sampler: no gap between the real and the floating-point mechanism.

        It draws from the operating system's entropy, cannot be seeded, and takes about 25 microseconds a coordinate.
        """
        import opendp.prelude as dp

        dp.enable_features("contrib")
        space = dp.vector_domain(dp.atom_domain(T=float, nan=False)), dp.l1_distance(T=float)
        noisy = [
            dp.m.make_laplace(*space, scale=exact_scale(float(loss), radius))(certainly_within(row.tolist(), radius, 1))
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


def certainly_within(row: list[float], radius: float, norm: int) -> list[float]:
    """The gradient, shortened by a hair where its norm, in exact arithmetic, might exceed the radius."""
    length = math.fsum(map(abs, row)) if norm == 1 else math.sqrt(math.fsum(value * value for value in row))
    if length <= radius * (1 - SLACK):
        return row
    return [value * (1 - 2 * SLACK) for value in row]
