"""An interval for a ratio of sums over few profiles of which fewer gain: the bootstrap tilted until it says no.

A candidate ratio R is kept unless the profiles, reweighted as little as possible so that R is their ratio, hardly ever
give a sample as far from R as the one at hand. Nothing normal is assumed of skewed gains, no end leaves the range of
what was seen, and where profiles gain all or nothing this is the exact test of the binomial (with mid-p-values).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

FEW = 6
"""With fewer profiles the range of what was seen is itself too narrow (it misses the median in 1 of 2^(K-1) cases)."""
HALVINGS = 10
"""Of the last step, itself at most half the way: ends are exact to 1/2000 of their distance from the estimate."""
ENDLESS = 1e100
"""From where on an end is infinite, in units of the largest sums; reached where hardly a profile is divided by."""
GAINING, TOP = 50, 0.15
"""How many positive totals a tail index needs, and the share of them that it is read off."""


def tilting_interval(top: Array, bottom: Array, weights: Array, *, level: float = 0.95) -> tuple[float, float]:
    """Ends of the interval of ``top.sum() / bottom.sum()``, both drawn profile by profile.

    Parameters
    ----------
    top, bottom : float64[K]
        Finite; ``bottom`` not negative and somewhere positive, ``top - R bottom`` not everywhere 0.
    weights : float64[draws, K]
        How often each profile is drawn in each bootstrap sample.
    level : float
        Coverage aimed at.

    Returns
    -------
    float, float
        Within the range of ``top / bottom``, but for fewer than ``FEW`` profiles, which Student's interval joins. An
        end may be infinite where hardly a profile has anything to divide by.

    Notes
    -----
    With u = top - R bottom, R is kept if Q = Σu / sqrt(Σu²) of the profiles is not in the tails of Q* under
    p_i ∝ exp(τ u_i), Σ p_i u_i = 0; those probabilities come from equally weighted samples by importance weights.
    Sources: Efron, "Nonparametric standard errors and confidence intervals", 1981 (tilting); DiCiccio and Romano,
    "Nonparametric confidence limits by resampling methods and least favorable families", 1990; Hesterberg, "Bootstrap
    tilting confidence intervals", 1999 (importance weights). Gains of which a few profiles hold most leave the
    variance uncertain: each tail is that beyond Student's quantile in the normal distribution (Hesterberg, "What
    teachers should know about the bootstrap", 2015) for the degrees of freedom of Σu², 2 (Σu²)² / (Σu⁴ - (Σu²)² / K),
    after Satterthwaite, 1946; what this does to the coverage is measured in ``docs/benchmarks.md``.
    """
    order = np.lexsort((bottom, top))  # profiles have no order: neither does the interval depend on one
    unit = float(np.abs(top).max()), float(bottom.max())  # so that no square overflows
    test = _Tilted(top[order] / unit[0], bottom[order] / unit[1], weights)
    tail = float(special.ndtr(special.stdtrit(test.freedom, (1 - level) / 2)))
    low, high = (test.end(side, tail) for side in (-1, 1))
    if test.count < FEW:
        reach = float(special.stdtrit(test.count - 1, (1 + level) / 2)) * test.error
        low, high = min(low, test.ratio - reach), max(high, test.ratio + reach)
    return low * unit[0] / unit[1], high * unit[0] / unit[1]


class _Tilted:
    """The test of one candidate after another, from the same bootstrap samples."""

    def __init__(self, top: Array, bottom: Array, weights: Array) -> None:
        self.top, self.bottom = top, bottom
        moments = np.stack([top, bottom, top * top, top * bottom, bottom * bottom])
        self.seen, self.drawn = moments.sum(-1), moments @ weights.T  # [5], [5, draws]
        self.ratio = float(self.seen[0] / self.seen[1])
        self.count = int(((top != 0) | (bottom != 0)).sum())
        square = (top - self.ratio * bottom) ** 2
        variance, fourth = square.sum(), (square**2).sum()
        self.error = float(np.sqrt(variance * self.count / (self.count - 1)) / self.seen[1])
        excess = fourth / variance**2 - 1 / self.count
        self.freedom = min(self.count - 1.0, max(1.0, 2 / excess)) if excess > 0 else self.count - 1.0

    def end(self, side: int, tail: float) -> float:
        """Where, below (-1) or above (1) the estimate, the samples become rarer than ``tail``."""
        with np.errstate(divide="ignore", invalid="ignore"):
            each = self.top / self.bottom
        limit = side * np.nanmax(side * each)
        near, step = self.ratio, self.error
        while True:
            far = near + side * step
            if abs(far) > ENDLESS:
                return side * np.inf
            if side * far >= side * limit:
                far = limit
                break
            if self.rarity(far, side) < tail:
                break
            near, step = far, 2 * step
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            near, far = (middle, far) if self.rarity(middle, side) > tail else (near, middle)
        return float((near + far) / 2)

    def rarity(self, ratio: float, side: int) -> float:
        """Mid-p-value of the candidate: how often samples of it lie as far to the other side as what was seen."""
        tilt, level = _tilt(self.top - ratio * self.bottom)
        total = self.drawn[0] - ratio * self.drawn[1]
        drawn, seen = _studentised(self.drawn, ratio), _studentised(self.seen, ratio)
        tie = np.abs(drawn - seen) <= 1e-9 * np.abs(seen)
        beyond = np.where(tie, 0.5, side * (drawn - seen) < 0)
        return float((beyond * np.exp(np.minimum(tilt * total - len(self.top) * level, 700.0))).mean())


def _studentised(moments: Array, ratio: float) -> Array:
    """Σu / sqrt(Σu²) from the sums of ``top``, ``bottom``, their squares and products; 0 where every u is 0."""
    top, bottom, top_top, top_bottom, bottom_bottom = moments
    square = top_top - 2 * ratio * top_bottom + ratio**2 * bottom_bottom
    some = square > 1e-12 * (top_top + ratio**2 * bottom_bottom)
    return np.asarray(np.where(some, (top - ratio * bottom) / np.sqrt(np.where(some, square, 1.0)), 0.0))


def _tilt(value: Array) -> tuple[float, float]:
    """The τ with Σ exp(τ u) u = 0, and the log of the mean of exp(τ u) there.

    By Newton's steps, cut where the sum flattens out and halved where they leave the bracket. ``value`` has both signs.
    """
    scale = np.abs(value).max()
    scaled = value / scale
    squared = scaled * scaled
    tilt, low, high = 0.0, -np.inf, np.inf
    for _ in range(100):
        exponent = tilt * scaled
        weight = np.exp(exponent - exponent.max())
        total = weight.sum()
        mean = float(weight @ scaled / total)
        variance = float(weight @ squared / total) - mean * mean
        low, high = (low, tilt) if mean > 0 else (tilt, high)
        reach = 1 + abs(tilt)
        step = -mean / variance if variance > 0 else math.copysign(math.inf, -mean)
        if abs(step) <= 1e-10 * reach:
            break
        tilt += min(max(step, -reach), reach)
        if not low < tilt < high:
            tilt = (low + high) / 2
    return tilt / scale, float(exponent.max() + np.log(total / len(value)))


def tail_index(totals: Array) -> float:
    """Hill's estimate of a where the largest of ``totals[K]`` thin out as P(X > x) ~ x^-a; infinite if too few.

    Source: Hill, "A simple general approach to inference about the tail of a distribution", 1975.
    """
    positive = np.sort(totals[(totals > 0) & np.isfinite(totals)])[::-1]
    if len(positive) < GAINING:
        return float("inf")
    largest = int(np.ceil(TOP * len(positive)))
    mean_log = float(np.log(positive[:largest] / positive[largest]).mean())
    return 1 / mean_log if mean_log > 0 else float("inf")


def heavy_tail(totals: Array) -> bool:
    """Whether the totals look as if their variance were infinite: then no interval of their mean holds its level."""
    return tail_index(totals) < 2
