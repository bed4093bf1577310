"""How often the intervals over profiles hold the truth: coverage on gains whose mean is known, and warnings of tails.

By itself: ``python -m pytest -s --override-ini python_files=bench_*.py tests/benchmarks/bench_intervals.py``
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.intervals import ends, ratio_ends, ratios, resamples
from analysis.tilting import heavy_tail

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]
"""Gains ``[profiles, OWNERS]``."""
REPETITIONS = 2000
OWNERS = 10


def light(rng: np.random.Generator, profiles: int) -> Array:
    """Three owners in ten gain, by themselves, in profiles that are worth one to three."""
    gains = (rng.random((profiles, OWNERS)) < 0.3) * rng.exponential(0.05, (profiles, OWNERS))
    return gains * (1 + 2 * rng.random((profiles, 1)))


def together(rng: np.random.Generator, profiles: int) -> Array:
    """In 15 % of the profiles all owners gain, all the same."""
    gains = (rng.random((profiles, 1)) < 0.15) * rng.exponential(0.2, (profiles, 1))
    return np.repeat(gains, OWNERS, axis=1)


def two_valued(rng: np.random.Generator, profiles: int) -> Array:
    """In 10 % of the profiles all owners gain 1."""
    return np.repeat((rng.random((profiles, 1)) < 0.1).astype(float), OWNERS, axis=1)


def pareto(index: float) -> Draw:
    """All owners of a profile gain the same; its variance over profiles is finite from an index of 2 on."""
    return lambda rng, profiles: np.repeat(1 + rng.pareto(index, (profiles, 1)), OWNERS, axis=1)


def pareto_alone(rng: np.random.Generator, profiles: int) -> Array:
    """The same for each owner by herself."""
    return 1 + rng.pareto(1.5, (profiles, OWNERS))


def normal(rng: np.random.Generator, profiles: int) -> Array:
    """All owners of a profile gain the same, about 3."""
    return np.repeat(rng.normal(3.0, 1.0, (profiles, 1)), OWNERS, axis=1)


def exponential(rng: np.random.Generator, profiles: int) -> Array:
    """All owners of a profile gain the same, rarely much."""
    return np.repeat(rng.exponential(1.0, (profiles, 1)), OWNERS, axis=1)


def lognormal(rng: np.random.Generator, profiles: int) -> Array:
    """All owners of a profile gain the same, whose logarithm is standard normal."""
    return np.repeat(rng.lognormal(0.0, 1.0, (profiles, 1)), OWNERS, axis=1)


def over(draw: Draw, share: float) -> Draw:
    """Whether an owner gains more than ``share``."""
    return lambda rng, profiles: (draw(rng, profiles) > share).astype(float)


def share_light() -> float:
    """P(gain > 0.01) of ``light``: 0.3 times the mean of exp(-0.2 / (1 + 2 U)), by the midpoint rule."""
    return float(0.3 * np.exp(-0.2 / (1 + 2 * (np.arange(10_000) + 0.5) / 10_000)).mean())


@dataclass(frozen=True)
class Case:
    """Gains, their true mean, and how often an interval has to hold it, or else come with a warning."""

    draw: Draw
    truth: float
    least: float
    profiles: int = 40
    bounds: tuple[float, float] = (0.0, np.inf)
    least_told: float = 0.0


CASES = {
    "light": Case(light, 0.3 * 0.05 * 2, 0.93),
    "light, share gaining over 1 %": Case(over(light, 0.01), share_light(), 0.93, bounds=(0, 1)),
    "together": Case(together, 0.15 * 0.2, 0.91),
    "together, share gaining over 1 %": Case(over(together, 0.01), 0.15 * np.exp(-0.05), 0.91, bounds=(0, 1)),
    "two-valued": Case(two_valued, 0.1, 0.91),
    "two-valued, share gaining over 1 %": Case(over(two_valued, 0.01), 0.1, 0.91, bounds=(0, 1)),
    "light, 200 profiles": Case(light, 0.3 * 0.05 * 2, 0.93, profiles=200),
    "together, 200 profiles": Case(together, 0.15 * 0.2, 0.91, profiles=200),
    "Pareto 1.5, 200 profiles": Case(pareto(1.5), 3.0, 0.0, profiles=200, least_told=0.93),
    "Pareto 1.5, each by herself, 200 profiles": Case(pareto_alone, 3.0, 0.85, profiles=200),
    "Pareto 1.5, 40 profiles": Case(pareto(1.5), 3.0, 0.0),
    "Pareto 2.5, 200 profiles": Case(pareto(2.5), 2.5 / 1.5, 0.91, profiles=200),
    "lognormal, 200 profiles": Case(lognormal, np.exp(0.5), 0.91, profiles=200),
    "normal, 5 profiles": Case(normal, 3.0, 0.93, profiles=5),
    "normal, 10 profiles": Case(normal, 3.0, 0.93, profiles=10),
    "exponential, 10 profiles": Case(exponential, 1.0, 0.9, profiles=10),
    "exponential, 200 profiles": Case(exponential, 1.0, 0.93, profiles=200),
}


@pytest.mark.parametrize("name", CASES)
def test_how_often_the_interval_holds_the_truth(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Two-sided 95 % intervals of the mean over owners, profiles being drawn anew; a new sample in every repetition."""
    case = CASES[name]
    owners = np.full(case.profiles, float(OWNERS))
    found = np.empty((REPETITIONS, 2, 2))  # [repetition, method, end]
    warned = np.zeros(REPETITIONS, dtype=bool)
    for repetition in range(REPETITIONS):
        total = case.draw(np.random.default_rng([2022, repetition]), case.profiles).sum(-1)
        weights = resamples(case.profiles, repetition)
        found[repetition, 0] = tuple(ends("", ratios(weights, total, owners)).values())
        found[repetition, 1] = tuple(ratio_ends("", total, owners, weights, bounds=case.bounds).values())
        warned[repetition] = heavy_tail(total)
    above, below = (found[..., 0] > case.truth).mean(0), (found[..., 1] < case.truth).mean(0)
    held = 1 - above - below
    width = np.median(found[..., 1] - found[..., 0], axis=0)
    told = ((found[:, 1, 0] <= case.truth) & (found[:, 1, 1] >= case.truth) | warned).mean()
    with capsys.disabled():
        print(
            f"\n{name}: holds the truth {held[1]:.3f} (percentiles {held[0]:.3f}), lies above it {above[1]:.3f} "
            f"({above[0]:.3f}), below {below[1]:.3f} ({below[0]:.3f}); median width {width[1] / width[0]:.2f} times "
            f"that of percentiles; warned of the tail {warned.mean():.3f}, holds or warned {told:.3f}"
        )
    assert held[1] >= case.least
    assert told >= case.least_told
