"""Uploads of one owner that all have the same pure privacy loss: their total in closed form, for many owners.

The privacy loss of k randomised responses of loss e is (2 B - k) e with B binomial. ``equal_composition`` gives the
same uploads as a ``Composition``, for an owner who goes on with another loss.

Source: Kairouz, Oh, Viswanath, "The composition theorem for differential privacy", 2015.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from agents.composition import BOTTOM, CELLS, POINTS_OF_THE_FIRST, ROUNDING, TOP, Composition

TAIL = 1e-20
"""Mass above the first outcome that is looked at, at most (Hoeffding); counted as an unbounded loss."""

Array = NDArray[np.float64]


def equal_total(loss: Array, count: NDArray[np.int64], delta: float) -> Array:
    """Smallest epsilon such that all uploads together are (epsilon, delta)-private, owner by owner.

    From the largest loss of all uploads together downwards until delta is exceeded; between two outcomes delta is
    A - e^epsilon T, with A and T sums over the outcomes above.

    Parameters
    ----------
    loss : float64[m]
        Of every upload of an owner, positive.
    count : int64[m]
        How many there were, at least 1.
    delta : float
    """
    found = np.zeros(len(loss))
    if not len(loss):
        return found
    who, k = np.arange(len(loss)), count.astype(np.float64)
    unlikely = np.log1p(np.exp(-loss))
    place = np.minimum(k, np.ceil(k * np.exp(-unlikely) + np.sqrt(-k * np.log(TAIL) / 2)))
    log_mass = gammaln(k + 1) - gammaln(place + 1) - gammaln(k - place + 1) - k * unlikely - (k - place) * loss
    mass = np.exp(log_mass)
    above, scaled = mass + np.where(place < k, TAIL, 0.0), mass.copy()  # A, and T e^loss of this outcome
    at = (2 * place - k) * loss
    while len(who):
        mass = mass * place / (k - place + 1) * np.exp(-loss)
        exceeds = above - np.exp(-2 * loss) * scaled > delta  # delta at the outcome below
        with np.errstate(invalid="ignore", divide="ignore"):
            found[who[exceeds]] = np.maximum(0.0, at + np.log((above - delta) / scaled))[exceeds]
        above, scaled = above + mass, mass + np.exp(-2 * loss) * scaled
        place, at = place - 1, at - 2 * loss
        goes_on = ~exceeds & (at > -2 * loss) & (place > 0)
        who, k, loss, place, at, mass, above, scaled = (
            part[goes_on] for part in (who, k, loss, place, at, mass, above, scaled)
        )
    return found


def equal_composition(loss: float, count: int) -> Composition:
    """The composition of ``count`` uploads of the same pure privacy loss."""
    if count == 0:
        return Composition()
    place = np.arange(count + 1)
    unlikely = np.log1p(np.exp(-loss))
    choices = gammaln(count + 1) - gammaln(place + 1) - gammaln(count - place + 1)
    law = np.exp(choices - count * unlikely - (count - place) * loss)
    high = count - int(np.searchsorted(law[::-1].cumsum(), TOP))
    low = min(int(np.searchsorted(law.cumsum(), BOTTOM)), high - 1)
    points = POINTS_OF_THE_FIRST
    while points > 1 and 2 * points * (high - low) + 1 > CELLS:
        points //= 2
    mass = np.zeros(2 * points * (high - low) + 1)
    mass[:: 2 * points] = law[low : high + 1]
    mass[0] += law[:low].sum()
    beyond = float(law[high + 1 :].sum())
    lowest = (2 * low - count) * points
    return Composition(epsilon=count * loss, mass=mass, lowest=lowest, cell=loss / points, beyond=beyond)


def with_plain_sum(tight: Array, plain: Array) -> Array:
    """The smaller of a tight total, rounded to the owner's side, and the plain sum of losses."""
    return np.minimum(plain, tight * (1 + ROUNDING))
