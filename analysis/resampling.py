"""Intervals of ratios of sums over profiles: owners of a profile depend on one another, so profiles are drawn anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.checks import seed_number, whole

Array = NDArray[np.float64]


def resamples(count: int, seed: int, draws: int = 1000) -> Array:
    """How often each of ``count`` profiles is drawn in each of ``draws`` bootstrap samples ``[draws, count]``."""
    whole("count", count, minimum=1)
    whole("draws", draws, minimum=1)
    stream = np.random.default_rng(seed_number("seed", seed))
    return stream.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)


def ratios(weights: Array, top: ArrayLike, bottom: ArrayLike) -> Array:
    """Ratio of the sums of ``top[count]`` and ``bottom[count]`` in every sample ``[draws]``; infinite over nothing.

    Nothing over nothing is no number.
    """
    over, under = weights @ np.asarray(top, dtype=float), weights @ np.asarray(bottom, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(over / under)


def ends(prefix: str, draws: Array, level: float = 0.95) -> dict[str, float]:
    """``{prefix}low`` and ``{prefix}high`` of the percentile interval.

    Infinite samples count as what they are, so that an end may be infinite. A sample that is no number could be
    anything: it counts as minus infinity for the low end and as infinity for the high one. Where no sample is a number
    neither end is.
    """
    tails = (1 - level) / 2, (1 + level) / 2
    if np.isfinite(draws).all():
        low, high = np.quantile(draws, tails)
    elif np.isnan(draws).all():
        low = high = np.nan
    else:
        # Whole samples, because nothing lies between a number and infinity.
        low = np.quantile(np.where(np.isnan(draws), -np.inf, draws), tails[0], method="lower")
        high = np.quantile(np.where(np.isnan(draws), np.inf, draws), tails[1], method="higher")
    return {f"{prefix}low": float(low), f"{prefix}high": float(high)}
