"""Spherical caps: the directions that ``privunit`` and ``l2-sphere`` prefer, and how much.

Source: Bhowmick, Duchi, Freudiger, Kapoor, Rogers 2018 (PrivUnit); Duchi, Jordan, Wainwright 2018 (the half-sphere).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

LARGEST_USEFUL_LOSS = 32.0
"""A larger privacy loss is treated as this one, which is stronger privacy than asked for, never weaker."""


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
