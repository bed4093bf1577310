"""Public half of a perturbation: what everybody may know about the noise of an upload before it is sent.

The broker weighs uploads by the variance declared here for the privacy loss that it bought, never by anything in the
upload; the private half (the samplers) stands in ``agents.owner.perturbation``. Source: FL-Market, section III-A
(Laplace); Bhowmick et al. 2018 (PrivUnit); Duchi, Jordan, Wainwright 2018 (the L2 sphere).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from agents.checks import number, one_of, real_array, whole

NOISE_SOURCES: tuple[str, ...] = ("generator", "opendp")
"""``generator``: fast floating-point draws, for simulation; ``opendp``: OpenDP's exact sampler (only for ``laplace``).

PrivUnit, the default, has no exact sampler: its privacy loss holds in real numbers, not to the last bit of a float."""

CLIPS: tuple[str, ...] = ("direction", "owner", "record")
"""What bounds a gradient before noise is added.

``direction``: the owner's mean is scaled to exactly L, up or down, so that all of the signal that L allows is sent; a
mean of zero has no direction and stays zero. It learns best. ``owner``: the owner's mean is scaled down to L where it
is longer (the paper's way). ``record``: every record's gradient is scaled down to L, then averaged. Gradients of many
records cancel, so that the mean is short beside the same noise: the error bound is a true one, and the model is poor.
What the error bound means under each: ``agents.upload_terms``.
"""

LARGEST_USEFUL_LOSS = 32.0
"""PrivUnit treats a larger privacy loss as this one, which is stronger privacy than asked for, never weaker."""

NO_NOISE_VARIANCE = 1e-6
"""What ``none`` declares, in squared radii: weights divide by a variance, so that it may not be 0."""


@dataclass(frozen=True)
class SphericalCap:
    """The directions around the true one that PrivUnit prefers, ``{v : <v, u> >= height}`` on the unit sphere.

    Parameters
    ----------
    height : float64 array
        Lowest inner product with the true direction; the one of least variance.
    area : float64 array
        Probability that a uniform point of the sphere falls into the cap.
    probability : float64 array
        Probability with which PrivUnit draws from the cap: density in it over density outside is exp(privacy loss).
    shrinkage : float64 array
        Mean inner product of a draw with the true direction; dividing by it removes the bias.
    """

    height: NDArray[np.float64]
    area: NDArray[np.float64]
    probability: NDArray[np.float64]
    shrinkage: NDArray[np.float64]


def spherical_cap(privacy_loss: NDArray[np.float64], dimension: int) -> SphericalCap:
    """PrivUnit's cap of least variance, for every positive ``privacy_loss`` of an array of any shape.

    The shrinkage m as a function of the height has its maximum where both are equal. So ``height = m(height)``,
    repeated, climbs to the optimum from below, with quadratic convergence. An element's result does not depend on
    what it is computed along with, and area, probability and shrinkage belong to the height returned: privacy and
    unbiasedness do not rest on the optimum being met to the last bit.
    """
    loss = np.minimum(np.asarray(privacy_loss, dtype=np.float64), LARGEST_USEFUL_LOSS)
    flat, height = loss.ravel(), np.zeros(loss.size)
    climbing = np.arange(loss.size)
    while climbing.size:
        new = _shrinkage(height[climbing], flat[climbing], dimension)
        rises = new > height[climbing] * (1 + 1e-9)
        climbing = climbing[rises]
        height[climbing] = new[rises]
    return _cap(height.reshape(loss.shape), loss, dimension)


def half_sphere(privacy_loss: NDArray[np.float64], dimension: int) -> SphericalCap:
    """The cap of height 0, which ``l2-sphere`` draws from, for every positive ``privacy_loss`` of an array."""
    loss = np.minimum(np.asarray(privacy_loss, dtype=np.float64), LARGEST_USEFUL_LOSS)
    return _cap(np.zeros_like(loss), loss, dimension)


def _cap(height: NDArray[np.float64], loss: NDArray[np.float64], dimension: int) -> SphericalCap:
    area = _area(height, dimension)
    return SphericalCap(
        height=height,
        area=area,
        probability=area / (area + (1 - area) * np.exp(-loss)),
        shrinkage=_shrinkage(height, loss, dimension),
    )


def _area(height: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    squared_sine = (1 - height) * (1 + height)
    return np.asarray(special.betainc((dimension - 1) / 2, 0.5, squared_sine) / 2)


def _shrinkage(height: NDArray[np.float64], loss: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Shrinkage m = (e^loss - 1) M / (1 + (e^loss - 1) q), with M the mean of <v, u> over the cap times its area q."""
    constant = special.poch((dimension - 1) / 2, 0.5) / ((dimension - 1) * np.sqrt(np.pi))
    moment = constant * ((1 - height) * (1 + height)) ** ((dimension - 1) / 2)
    gain = -np.expm1(-loss)
    return np.asarray(gain * moment / (np.exp(-loss) + gain * _area(height, dimension)))


def _laplace(privacy_loss: Tensor, _dimension: int) -> Tensor:
    return 8 / privacy_loss**2


def _privunit(privacy_loss: Tensor, dimension: int) -> Tensor:
    shrinkage = torch.from_numpy(spherical_cap(privacy_loss.numpy(), dimension).shrinkage)
    return 1 / (shrinkage**2 * dimension)


def _l2_sphere(privacy_loss: Tensor, dimension: int) -> Tensor:
    shrinkage = torch.from_numpy(half_sphere(privacy_loss.numpy(), dimension).shrinkage)
    return 1 / (shrinkage**2 * dimension)


def _none(privacy_loss: Tensor, _dimension: int) -> Tensor:
    return torch.full_like(privacy_loss, NO_NOISE_VARIANCE)


@dataclass(frozen=True)
class _Noise:
    """What is declared of one perturbation; ``variance`` per coordinate, at radius 1, for positive privacy losses."""

    private: bool
    norm_order: int
    variance: Callable[[Tensor, int], Tensor]
    fewest_coordinates: int = 1
    sources: tuple[str, ...] = ("generator",)


_NOISES: dict[str, _Noise] = {
    "l2-sphere": _Noise(private=True, norm_order=2, variance=_l2_sphere, fewest_coordinates=2),
    "laplace": _Noise(private=True, norm_order=1, variance=_laplace, sources=NOISE_SOURCES),
    "none": _Noise(private=False, norm_order=2, variance=_none),
    "privunit": _Noise(private=True, norm_order=2, variance=_privunit, fewest_coordinates=2),
}

NAMES: tuple[str, ...] = tuple(sorted(_NOISES))


def variance(name: str, privacy_loss: Any, dimension: int, radius: float = 1.0) -> Tensor:
    """Declared variance of one coordinate of a perturbed gradient, infinite where no privacy loss is bought.

    ``laplace``: 8 L^2 / e^2 for gradients in the L1 ball of radius L. ``privunit``: L^2 / (m^2 p) for the L2 ball,
    with m the cap's shrinkage (``l2-sphere``: that of the half-sphere). It is the second moment and so never too
    little; norms stay private, hence nothing is subtracted for them, and the figure is an average over the p
    coordinates. ``none``: ``NO_NOISE_VARIANCE`` L^2, a floor that leaves the optimal weights to the bias: nearly the
    shares where every record is bought.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    privacy_loss : float64 array of any shape
        Nonnegative; 0 means that nothing is uploaded.
    dimension : int
        Coordinates p of the gradient; at least 2 for ``privunit`` and ``l2-sphere``.
    radius : float
        Largest norm L of a gradient, in the norm of ``norm_order(name)``.

    Returns
    -------
    float64 tensor of the shape of ``privacy_loss``

    Raises
    ------
    TypeError, ValueError
        For an unknown name, or an argument out of range.
    """
    noise = _NOISES[one_of("perturbation", name, NAMES)]
    loss = real_array("privacy_loss", privacy_loss)
    whole("dimension", dimension, minimum=noise.fewest_coordinates)
    number("radius", radius, above=0.0)
    sold = loss > 0
    declared = noise.variance(torch.where(sold, loss, 1.0), dimension) * radius**2
    return torch.where(sold, declared, torch.inf)


def norm_order(name: str) -> int:
    """Order of the norm, 1 or 2, in which gradients are clipped for this perturbation."""
    return _NOISES[one_of("perturbation", name, NAMES)].norm_order


def private(name: str) -> bool:
    """Whether uploads are locally differentially private with the privacy loss that was bought."""
    return _NOISES[one_of("perturbation", name, NAMES)].private


def check_noise_source(name: str, noise_source: str) -> str:
    """Return ``noise_source`` if the perturbation ``name`` can draw from it on this machine; otherwise say why not."""
    noise = _NOISES[one_of("perturbation", name, NAMES)]
    one_of("noise_source", noise_source, NOISE_SOURCES)
    if noise_source not in noise.sources:
        offered = [other for other in NAMES if noise_source in _NOISES[other].sources]
        raise ValueError(
            f"noise_source = {noise_source!r} is not offered by perturbation {name!r}; "
            f"pass noise_source='generator' or one of the perturbations {', '.join(offered)}"
        )
    if noise_source == "opendp" and importlib.util.find_spec("opendp") is None:
        raise ValueError("noise_source = 'opendp': opendp is not installed; install the extra exact-noise")
    return noise_source
