"""How the privacy losses of several uploads add up: the exact total for losses that were fixed in advance.

Every upload is replaced by the pair of distributions that is easiest to tell apart among all mechanisms with its claim:
randomised response for a pure one, two normal distributions for Gaussian noise. Their privacy losses are independent
random numbers, so that their law is a convolution, kept here on an even grid; delta follows from it for every epsilon.

Rounding goes to the owner's side. A loss between two points of the grid is divided between both such that its mass
under either distribution stays: merging the two outcomes again gives back what it was, so that the divided pair can
only be easier to tell apart. Mass that leaves the grid upwards counts as an unbounded loss.

The total holds for losses that do not depend on the noisy uploads themselves. Losses that do (bids that follow the
model which the uploads made) may be told apart better; for these the plain sum holds.

Sources: Kairouz, Oh, Viswanath, "The composition theorem for differential privacy", 2015 (randomised response; equal
losses in closed form); Murtagh, Vadhan, "The complexity of computing the optimal composition", 2016 (different losses);
Koskela, Jälkö, Honkela 2020 and Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, "Connect the dots", 2022 (privacy loss
distributions on a grid); Dong, Roth, Su 2022 (Gaussian noise).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.checks import number, real_array
from agents.perturbation.gaussian import check_delta
from agents.perturbation.gaussian_profile import gaussian_delta, gaussian_epsilon

CELLS = 6144
"""Most points of the grid; it becomes coarser where more would be needed."""

POINTS_OF_THE_FIRST = 64
"""Points between 0 and the first privacy loss; between 0 and a smaller one that follows, where there is room."""

LARGEST_EXPONENT = 30.0
"""Of what is summed up without rounding off what is small."""

TOP, BOTTOM = 1e-18, 1e-7
"""Mass that one trimming cuts off at either end. What is cut off above counts as an unbounded loss and so against the
smallest delta; what is cut off below moves up to the last point that is kept."""

ROUNDING = 1e-9
"""Relative excess added to a total, more than rounding of float64 numbers moves it."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Composition:
    """The uploads of one owner so far; adding one gives a new object.

    Parameters
    ----------
    epsilon, delta : float
        The plain sums of what the uploads claim.
    mass : float64[cells]
        Probability of every privacy loss of the pure part, on a grid.
    lowest : int
        Place of the first cell; cell i has the privacy loss ``(lowest + i) * cell``.
    cell : float
        Distance of two points of the grid.
    beyond : float
        Probability that the privacy loss has no bound.
    shift_squared : float
        Squared distances of the inputs of Gaussian uploads in standard deviations, summed.
    """

    epsilon: float = 0.0
    delta: float = 0.0
    mass: Array = field(default_factory=lambda: np.ones(1))
    lowest: int = 0
    cell: float = 0.0
    beyond: float = 0.0
    shift_squared: float = 0.0

    def with_upload(
        self, epsilon: float, delta: float = 0.0, shift: float | None = None, *, cells: int = CELLS
    ) -> Composition:
        """One more upload that claims (epsilon, delta); ``shift`` if its noise is Gaussian; on at most ``cells``."""
        epsilon = number("epsilon", epsilon)
        booked = replace(self, epsilon=self.epsilon + epsilon, delta=self.delta + delta)
        if epsilon == 0 and delta == 0:
            return booked
        if shift is not None:
            return replace(booked, shift_squared=self.shift_squared + shift**2)
        pure = booked._with_randomised_response(epsilon, cells) if epsilon > 0 else booked
        return replace(pure, mass=pure.mass * (1 - delta), beyond=pure.beyond + (1 - pure.beyond) * delta)

    def total(self, delta: float) -> float:
        """Smallest epsilon such that all uploads together are (epsilon, delta)-private; infinite if there is none."""
        if self.delta <= delta and self.epsilon == 0:
            return 0.0
        plain = self.epsilon if self.delta <= delta else math.inf
        return min(plain, self._tight(delta) * (1 + ROUNDING))

    def _tight(self, delta: float) -> float:
        rest = delta - self.beyond
        if rest <= 0:
            return math.inf
        if len(self.mass) == 1:
            return float(gaussian_epsilon(math.sqrt(self.shift_squared), rest)) if self.shift_squared else 0.0
        return self._mixed(rest) if self.shift_squared else self._pure(rest)

    def _pure(self, delta: float) -> float:
        """Between two points of the grid delta is A - e^epsilon T, with A and T sums over the losses above."""
        above = self.mass[::-1].cumsum()[::-1]  # A[j], losses from point j on
        scaled = discounted(self.mass[::-1], self.cell)[::-1]  # T[j] e^{point j}
        exceeds = (above - scaled) > delta  # delta at point j
        if not exceeds.any():
            return 0.0
        place = int(exceeds.nonzero()[0][-1]) + 1
        ratio = (above[place] - delta) / scaled[place]
        return max(0.0, (self.lowest + place) * self.cell + math.log(ratio)) if ratio > 0 else 0.0

    def _mixed(self, delta: float) -> float:
        points = (self.lowest + np.arange(len(self.mass))) * self.cell
        shift = math.sqrt(self.shift_squared)
        low, high = 0.0, float(points[-1]) + float(gaussian_epsilon(shift, delta / 2))
        for _ in range(60):
            middle = (low + high) / 2
            kept = float(self.mass @ gaussian_delta(middle - points, shift)) <= delta
            low, high = (low, middle) if kept else (middle, high)
        return high

    def _with_randomised_response(self, epsilon: float, cells: int) -> Composition:
        cell = self.cell or epsilon / POINTS_OF_THE_FIRST
        grid = replace(self, cell=cell)
        while epsilon < POINTS_OF_THE_FIRST * grid.cell and 2 * (len(grid.mass) + 2 * epsilon / grid.cell) < cells / 2:
            grid = grid._finer()
        while len(grid.mass) + 2 * epsilon / grid.cell > 4 * cells:
            grid = grid._coarser()
        steps = math.floor(epsilon / grid.cell * (1 + 1e-15))
        rest = min(max(epsilon - steps * grid.cell, 0.0), grid.cell)
        likely = 1 / (1 + math.exp(-epsilon))
        upper, below = (np.expm1(-part) / np.expm1(-grid.cell) for part in (rest, grid.cell - rest))
        count = len(grid.mass)
        mass = np.zeros(count + 2 * steps + 2)
        for place, weight in (
            (0, (1 - likely) * (1 - below)),
            (1, (1 - likely) * below),
            (2 * steps + 1, likely * (1 - upper)),
            (2 * steps + 2, likely * upper),
        ):
            if weight > 0:
                mass[place : place + count] += weight * grid.mass
        made = replace(grid, mass=mass, lowest=grid.lowest - steps - 1)
        while len(made.mass) > cells:
            made = made._trimmed()
            if len(made.mass) > cells * 3 // 4:
                made = made._coarser()
        return made

    def _trimmed(self) -> Composition:
        """Without the ends of almost no mass: what is above counts as unbounded, what is below moves up."""
        top = int(np.searchsorted(self.mass[::-1].cumsum(), TOP))
        bottom = int(np.searchsorted(self.mass.cumsum(), BOTTOM))
        kept = self.mass[bottom : len(self.mass) - top].copy()
        kept[0] += self.mass[:bottom].sum()
        lost = float(self.mass[len(self.mass) - top :].sum())
        return replace(self, mass=kept, lowest=self.lowest + bottom, beyond=self.beyond + lost)

    def _finer(self) -> Composition:
        """The same on cells half as wide: no mass moves."""
        mass = np.zeros(2 * len(self.mass) - 1)
        mass[::2] = self.mass
        return replace(self, mass=mass, lowest=2 * self.lowest, cell=self.cell / 2)

    def _coarser(self) -> Composition:
        """The same on cells twice as wide: the mass of every second point is divided between its neighbours."""
        padded = np.concatenate([np.zeros(self.lowest % 2), self.mass])
        padded = np.concatenate([padded, np.zeros(1 - len(padded) % 2)])
        even, odd = padded[::2].copy(), padded[1::2]
        upper = odd / (1 + math.exp(-self.cell))
        even[1:] += upper
        even[:-1] += odd - upper
        return replace(self, mass=even, lowest=self.lowest // 2, cell=2 * self.cell)


def composed(privacy_loss: Any, *, delta: float = 0.0, shift: Any = None) -> Composition:
    """The composition of uploads with these privacy losses.

    Parameters
    ----------
    privacy_loss : float64[m]
        Epsilon of every upload; 0 for none.
    delta : float
        What every upload claims beside it.
    shift : float64[m], optional
        Distances of the inputs in standard deviations, if the noise is Gaussian.

    Returns
    -------
    Composition
    """
    losses = real_array("privacy_loss", privacy_loss, shape=(None,)).tolist()
    shifts = [None] * len(losses) if shift is None else real_array("shift", shift, shape=(len(losses),)).tolist()
    made = Composition()
    for loss, distance in zip(losses, shifts, strict=True):
        if loss > 0:
            made = made.with_upload(loss, delta, distance)
    return made


def total_privacy_loss(privacy_loss: Any, delta: float, *, upload_delta: float = 0.0, shift: Any = None) -> float:
    """Smallest epsilon such that uploads with these losses, fixed in advance, are (epsilon, delta)-private together.

    Parameters
    ----------
    privacy_loss : float64[m]
    delta : float
        Probability with which the total may be exceeded, 1e-12 to 0.1.
    upload_delta : float
        What every upload claims beside its privacy loss; 0 for pure ones.
    shift : float64[m], optional
        As in ``composed``.
    """
    return composed(privacy_loss, delta=upload_delta, shift=shift).total(check_delta(delta))


def discounted(mass: Array, cell: float) -> Array:
    """Sums S[j] = sum over i <= j of mass[i] e^(-(j - i) cell), some points at a time, so that no power overflows."""
    width = max(1, int(LARGEST_EXPONENT / cell))
    grown = np.exp(cell * np.arange(min(width, len(mass))))
    sums, last = np.empty_like(mass), 0.0
    for start in range(0, len(mass), width):
        part = mass[start : start + width]
        power = grown[: len(part)]
        sums[start : start + width] = ((part * power).cumsum() + last * math.exp(-cell)) / power
        last = float(sums[start + len(part) - 1])
    return sums
