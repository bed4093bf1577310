"""The exact privacy of Gaussian noise: delta as a function of epsilon, and its inverses.

Two inputs whose distance is ``shift`` standard deviations of the noise are (epsilon, delta)-indistinguishable exactly
for ``delta >= Phi(shift/2 - epsilon/shift) - e^epsilon Phi(-shift/2 - epsilon/shift)``.

Source: B. Balle and Y.-X. Wang, "Improving the Gaussian mechanism for differential privacy", 2018, theorem 8. Inverses
are found by bisection and returned from the side on which the delta asked for is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

STEPS = 100
"""Halvings of a bracket: more than a float64 number has digits."""

SMALLEST_SHIFT = 1e-12

FARTHEST_TAIL = 40.0
"""In standard deviations: beyond the smallest delta that a float64 number can hold."""

SLACK = 1e-9
"""By which part a shift is taken smaller than found: rounding of the formula may not be to the owner's cost."""

Array = NDArray[np.float64]


def gaussian_delta(epsilon: Any, shift: Any) -> Array:
    """Smallest delta at ``epsilon`` (any real number), for a positive ``shift``; arrays that broadcast."""
    epsilon, shift = np.asarray(epsilon, dtype=np.float64), np.asarray(shift, dtype=np.float64)
    upper = special.log_ndtr(shift / 2 - epsilon / shift)
    lower = epsilon + special.log_ndtr(-shift / 2 - epsilon / shift)
    return np.asarray(np.exp(upper) * -np.expm1(np.minimum(lower - upper, 0.0)))


def gaussian_shift(epsilon: Any, delta: float) -> Array:
    """Largest shift that keeps ``delta`` at positive ``epsilon``, of its shape: the analytic calibration."""
    levels, place = np.unique(np.asarray(epsilon, dtype=np.float64), return_inverse=True)
    low = np.full(levels.shape, np.log(SMALLEST_SHIFT))
    high = np.log(np.sqrt(2 * levels) + 2 * FARTHEST_TAIL)
    for _ in range(STEPS):
        middle = (low + high) / 2
        kept = gaussian_delta(levels, np.exp(middle)) <= delta
        low, high = np.where(kept, middle, low), np.where(kept, high, middle)
    return np.asarray((np.exp(low) * (1 - SLACK))[place].reshape(np.shape(epsilon)))


def gaussian_epsilon(shift: Any, delta: float) -> Array:
    """Smallest nonnegative epsilon at ``delta`` for shifts of any shape; 0 for a shift of 0."""
    shift = np.asarray(shift, dtype=np.float64)
    used = np.maximum(shift, SMALLEST_SHIFT)
    low, high = np.zeros(shift.shape), used**2 / 2 + FARTHEST_TAIL * used
    enough = gaussian_delta(0.0, used) <= delta
    for _ in range(STEPS):
        middle = (low + high) / 2
        kept = gaussian_delta(middle, used) <= delta
        low, high = np.where(kept, low, middle), np.where(kept, middle, high)
    return np.asarray(np.where(enough, 0.0, high * (1 + SLACK)))
