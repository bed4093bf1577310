"""Means with intervals: over repetitions of a market, over rounds, over profiles; whatever depends is drawn together.

Rounds of one run depend on one another, runs do not: repetitions get Student's interval. Bids of one round share its
budget, order and menu, owners of one profile a rule: there whole rounds and whole profiles are drawn anew (bootstrap).
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agents.checks import number, seed_number, whole
from analysis.tilting import tilting_interval

Array = NDArray[np.float64]

CLUSTER = ["seed", "buyer", "round"]
"""Columns that tell one round of one buyer from all others."""
KEPT_ENTRIES = 1 << 22
"""Largest array of draws, 32 MB, that is kept for the next mean over as many profiles."""
ALIKE = 1e-12
"""Profiles whose ratios differ by less, of the largest, are alike: it is rounding."""


@dataclass(frozen=True)
class Interval:
    """A mean and where it would lie in most repetitions.

    Parameters
    ----------
    mean, low, high : float
        Estimate and the ends of its interval.
    """

    mean: float
    low: float
    high: float


def clustered_mean(
    values: ArrayLike,
    clusters: ArrayLike,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    weights: ArrayLike | None = None,
) -> Interval:
    """Mean of ``values`` with a bootstrap interval for which whole clusters are drawn with replacement.

    Parameters
    ----------
    values : float[m]
        Finite; at least one.
    clusters : [m]
        Which cluster each value belongs to; values of one cluster may depend on one another.
    draws : int
        Bootstrap samples.
    level : float
        Coverage aimed at.
    seed : int
        Of the bootstrap's own random stream.
    bounds : float, float
        Between which a mean can lie, as that of a share between 0 and 1.
    weights : float[m], optional
        Positive: how many values each one stands for; by default 1.

    Raises
    ------
    ValueError
        If there is no value or one of them is not finite.

    Notes
    -----
    The interval is that of ``ratio_ends``, sum of the values over their number. Source of drawing clusters: Cameron,
    Gelbach and Miller, "Bootstrap-based improvements for inference with clustered errors", 2008. With one cluster
    nothing is known about the spread: the interval is the whole line.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"values has shape {list(array.shape)}: pass at least one finite number, in one dimension")
    number("level", level, above=0.0, maximum=1.0)
    whole("draws", draws, minimum=1)
    index, names = pd.factorize(np.asarray(clusters))
    if len(index) != array.size:
        raise ValueError(f"clusters has length {len(index)}; pass one per value, {array.size}")
    weight = np.ones_like(array) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != array.shape or not (np.isfinite(weight) & (weight > 0)).all():
        raise ValueError(f"weights has shape {list(weight.shape)}: pass one positive number per value, {array.size}")
    # Weights of 1 leave the last bit of a mean alone.
    mean = float(array.mean()) if (weight == 1).all() else float((array * weight).sum() / weight.sum())
    if len(names) == 1:
        return Interval(mean, -np.inf, np.inf)
    total, count = np.bincount(index, array * weight), np.bincount(index, weight)
    found = ratio_ends("", total, count, resamples(len(names), seed, draws), bounds=bounds, level=level)
    return Interval(mean, found["low"], found["high"])


def across_seeds(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean of one value per repetition, and Student's interval around it.

    Nothing is known about the spread of a single value: its interval is the whole line. Without any, the mean is no
    number either.

    Raises
    ------
    ValueError
        If ``values`` are not one-dimensional.
    """
    number("level", level, above=0.0, maximum=1.0)
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(f"values has shape {list(array.shape)}: pass one number per repetition")
    if len(array) < 2:
        return Interval(float(array[0]) if len(array) else float("nan"), -np.inf, np.inf)
    reach = special.stdtrit(len(array) - 1, (1 + level) / 2) * array.std(ddof=1) / np.sqrt(len(array))
    mean = float(array.mean())
    return Interval(mean, float(mean - reach), float(mean + reach))


def mean_across_seeds(frame: pd.DataFrame, column: str) -> Interval:
    """Mean of a column in each run, and then over the runs; rows without a number are left out.

    Parameters
    ----------
    frame : DataFrame
        Rounds or trades with ``seed``.
    column : str
    """
    known = frame[np.isfinite(frame[column].to_numpy(dtype=float, na_value=np.nan))]
    return across_seeds(known.groupby("seed")[column].mean().to_numpy(dtype=float))


def blocks_across_seeds(frame: pd.DataFrame, column: str, *, blocks: int = 20) -> pd.DataFrame:
    """Means of a column in consecutive blocks of rounds, over the runs.

    Returns
    -------
    DataFrame
        ``round`` (the middle of the block, counted from 1), ``mean``, ``low``, ``high``.
    """
    whole("blocks", blocks, minimum=1)
    length = int(frame["round"].max()) + 1 if len(frame) else 0
    width = max(1, -(-length // blocks))
    rows = []
    for block, rows_of in frame.groupby(frame["round"] // width):
        found = mean_across_seeds(rows_of, column)
        first, last = int(block) * width, min(length, (int(block) + 1) * width)
        rows.append({"round": (first + 1 + last) / 2, "mean": found.mean, "low": found.low, "high": found.high})
    return pd.DataFrame(rows, columns=["round", "mean", "low", "high"]).dropna(subset="mean")


def by_block(frame: pd.DataFrame, column: str, *, blocks: int = 12) -> pd.DataFrame:
    """Mean of a column in consecutive blocks of rounds, with intervals.

    Parameters
    ----------
    frame : DataFrame
        Rounds or trades of one or several runs, with ``seed``; rows where ``column`` is not finite are left out.
    column : str
    blocks : int
        Into how many blocks of (nearly) equal length the rounds are cut; at most one per round.

    Returns
    -------
    DataFrame
        One row per block that has a finite value: ``round`` (the middle one, counted from 1), ``mean``, ``low``,
        ``high`` (95 % interval by a bootstrap of rounds), ``rows`` (how many values).
    """
    whole("blocks", blocks, minimum=1)
    rounds = int(frame["round"].max()) + 1 if len(frame) else 0
    edges = np.unique(np.linspace(0, rounds, min(blocks, rounds) + 1).round().astype(int))
    kept = frame[np.isfinite(frame[column].to_numpy(dtype=float, na_value=np.nan))]
    rows = []
    for first, end in itertools.pairwise(edges):
        part = kept[(kept["round"] >= first) & (kept["round"] < end)]
        if len(part):
            found = clustered_mean(part[column], part.groupby(CLUSTER).ngroup(), draws=500)  # enough for a band
            middle = (first + end + 1) / 2
            rows.append((middle, found.mean, found.low, found.high, len(part)))
    return pd.DataFrame(rows, columns=["round", "mean", "low", "high", "rows"])


def resamples(count: int, seed: int, draws: int = 1000) -> Array:
    """How often each of ``count`` profiles is drawn in each of ``draws`` bootstrap samples ``[draws, count]``."""
    whole("count", count, minimum=1)
    whole("draws", draws, minimum=1)
    seed = seed_number("seed", seed)
    return _kept_resamples(count, seed, draws) if count * draws <= KEPT_ENTRIES else _resamples(count, seed, draws)


def _resamples(count: int, seed: int, draws: int) -> Array:
    stream = np.random.default_rng(seed)
    drawn = stream.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)
    drawn.flags.writeable = False
    return drawn


# Every mean of a report is over the same rounds: most of its time went into drawing them anew.
_kept_resamples = functools.lru_cache(maxsize=8)(_resamples)


def ratios(weights: Array, top: ArrayLike, bottom: ArrayLike) -> Array:
    """Ratio of the sums of ``top[count]`` and ``bottom[count]`` in every sample ``[draws]``; infinite over nothing.

    Nothing over nothing is no number.
    """
    over, under = weights @ np.asarray(top, dtype=float), weights @ np.asarray(bottom, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(over / under)


def ratio_ends(
    prefix: str,
    top: ArrayLike,
    bottom: ArrayLike,
    weights: Array,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    level: float = 0.95,
) -> dict[str, float]:
    """``{prefix}low`` and ``{prefix}high`` of the interval of ``sum(top) / sum(bottom)`` over profiles.

    Parameters
    ----------
    top, bottom : float[K]
        Sums over the owners of each profile, ``bottom`` not negative; profiles in which both are 0 do not count.
    weights : float64[draws, K]
        Of ``resamples``.
    bounds : float, float
        Between which the ratio can lie: (0, infinity) for gains, (0, 1) for shares of owners.
    level : float
        Coverage aimed at, of both ends together.

    Notes
    -----
    ``analysis.tilting.tilting_interval``, except where there is nothing to reweight. One profile says nothing about
    the spread: the interval is ``bounds``. Where all profiles are alike, what differs is at most in a share
    1 - (1 - level)^(1/K), about 3 / K, of all profiles (the "rule of three"): it moves the ends of what has two bounds;
    for what has not, nothing can be said about its size, and both ends are the ratio. Over nothing there is no
    interval: infinite, or no number. With infinite sums it is the percentile interval (``ends``).
    """
    number("level", level, above=0.0, maximum=1.0)
    over, under = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    if not (np.isfinite(over).all() and np.isfinite(under).all()):
        return ends(prefix, ratios(weights, over, under), level)
    value = float(ratios(np.ones((1, len(over))), over, under)[0])
    profiles = int(((over != 0) | (under != 0)).sum())
    if not np.isfinite(value):
        low = high = value
    elif profiles == 1:
        low, high = bounds
    elif np.abs(over - value * under).max() <= ALIKE * np.abs(over).max():
        unseen = 1 - (1 - level) ** (1 / profiles) if np.isfinite(bounds).all() else 0.0
        low, high = ((1 - unseen) * value + unseen * bound if unseen else value for bound in bounds)
    else:
        low, high = tilting_interval(over, under, weights, level=level)
    return {f"{prefix}low": max(low, bounds[0]), f"{prefix}high": min(high, bounds[1])}


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
