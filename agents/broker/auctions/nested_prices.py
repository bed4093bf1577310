"""Public price lists for lots of records, nested: each pays for everything at least what the one before pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from agents.units import PublicUnits


class NestedPrices(Protocol):
    """What is on sale, and price lists for it from poor to rich.

    Attributes
    ----------
    levels : float64[K]
        Privacy losses on sale, positive.
    lots : int64[M]
        Numbers of records that each of them is sold for, positive and increasing.
    """

    levels: Tensor
    lots: Tensor

    def occasion(self, budget: Tensor, bidders: Tensor) -> Tensor:
        """What the lists of a market depend on, ``int64[B, 2]``: a function of budget and number of bidders alone."""
        ...

    def lists(self, occasion: tuple[int, int]) -> Tensor:
        """Money per record ``[G, M, K]``, nondecreasing along G; the first list pays nothing."""
        ...


@dataclass(frozen=True)
class FixedPrices:
    """The same lists whatever the budget.

    Parameters
    ----------
    levels : float64[K]
    lots : int64[M]
    price : float64[G, M, K]
        Money per record.
    """

    levels: Tensor
    lots: Tensor
    price: Tensor

    def __post_init__(self) -> None:
        shape = (len(self.price), len(self.lots), len(self.levels))
        if tuple(self.price.shape) != shape:
            raise ValueError(f"price has shape {list(self.price.shape)}; pass [lists, lots, levels] = {list(shape)}")
        if bool(self.price[:1].any()) or bool((self.price.diff(dim=0) < 0).any()):
            raise ValueError("price must be 0 in the first list and nowhere lower in a list than in the one before")

    def occasion(self, budget: Tensor, bidders: Tensor) -> Tensor:
        """Always the same."""
        return torch.zeros(len(budget), 2, dtype=torch.int64)

    def lists(self, occasion: tuple[int, int]) -> Tensor:
        """The lists."""
        return self.price


class TunedPrices:
    """Lists around those that clear the market as a rule, given the budget per bidder; tuned on the paper's prior.

    In public units, the list of richness s pays for q records at privacy loss e

        exp(s + a log q + c log^2 q + b log e + d log^2 e),

    or what a poorer list pays, if that is more. a, c, b and d are piecewise linear in s: rich lists lean towards high
    privacy losses, poor ones towards many records. On offer is s around 0.42 log(budget per bidder), densely where the
    market mostly ends and not far above: a bidder whom the others leave plenty would otherwise sell next to nothing
    for it. With more bidders than ten a grows and b and d shrink: one owner's share of the records, not the noise, is
    then what a market is short of.

    The numbers were found by an evolution strategy (CMA-ES) on 800 profiles of ten bidders, those for other numbers of
    bidders on 300 of three to a hundred, minimising the mean error bound.

    Parameters
    ----------
    units : PublicUnits
        Public units of records and money.
    """

    LEVELS: ClassVar[tuple[float, ...]] = (0.25, *(step / 10 for step in range(5, 21)))
    LOTS: ClassVar[tuple[float, float, float]] = (0.06, 200.0, 1.15)
    """Smallest and largest lot in mean data sizes, and the factor from one to the next."""
    KNOTS: ClassVar[tuple[float, ...]] = (-1.5, -0.5, 0.3, 1.3)
    SHAPE: ClassVar[tuple[tuple[float, ...], ...]] = (
        (0.635, 0.562, 0.957, 0.525),
        (0.012, -0.056, -0.048, 0.059),
        (1.294, 1.055, 1.580, 1.607),
        (-0.301, -0.202, -0.071, -0.329),
    )
    """The values of a, c, b, d at the knots of s."""
    PER_LOG_BIDDERS: ClassVar[tuple[float, ...]] = (0.055, 0.0, -0.23, -0.05)
    """What is added to them per unit of log(bidders / 10)."""
    FOLLOWS_BUDGET: ClassVar[float] = 0.42
    OFFSETS: ClassVar[tuple[float, ...]] = (
        *(-8.0, -5.0, -3.5, -2.6, -2.0, -1.6, -1.3, -1.1),
        *(0.05 * step for step in range(-19, 12)),
    )
    """Richness of the lists on offer, less ``FOLLOWS_BUDGET`` times the logarithm of the budget per bidder."""

    def __init__(self, units: PublicUnits) -> None:
        smallest, largest, factor = (math.log(bound) for bound in self.LOTS)
        powers = range(math.ceil(smallest / factor), math.floor(largest / factor) + 1)
        lots = {int(units.records * math.exp(power * factor) * (1 + 1e-12)) for power in powers}
        self.lots = torch.tensor(sorted(lots - {0}), dtype=torch.int64)
        self.levels = torch.tensor(self.LEVELS, dtype=torch.float64)
        self._units = units
        shape = (len(self.lots), len(self.levels))
        log_q = (self.lots.double() / units.records).log()[:, None].expand(shape)
        log_e = self.levels.log().expand(shape)
        self._powers = torch.stack([log_q, log_q**2, log_e, log_e**2])
        self._per_record = (units.money / self.lots.double())[:, None]

    def occasion(self, budget: Tensor, bidders: Tensor) -> Tensor:
        """The logarithms of budget per bidder and of bidders over ten, rounded, within what was looked at."""
        bidders = bidders.clamp(min=1).double()
        each, crowd = (budget / self._units.money / bidders).log().clamp(-12, 12), (bidders / 10).log().clamp(-2, 3)
        return torch.stack([each, crowd], dim=-1).round().long()

    def lists(self, occasion: tuple[int, int]) -> Tensor:
        """Money per record ``[G, M, K]``."""
        each, crowd = occasion
        s = self.FOLLOWS_BUDGET * each + torch.tensor(self.OFFSETS, dtype=torch.float64)
        exponents = _piecewise_linear(s, self.KNOTS, self.SHAPE)
        exponents = exponents + crowd * torch.tensor(self.PER_LOG_BIDDERS, dtype=torch.float64)
        total = (s[:, None, None] + torch.tensordot(exponents, self._powers, dims=1)).exp()
        paying = (total * self._per_record).cummax(dim=0).values
        return torch.cat([torch.zeros_like(paying[:1]), paying])


def _piecewise_linear(at: Tensor, knots: tuple[float, ...], values: tuple[tuple[float, ...], ...]) -> Tensor:
    """Several functions ``[..., J]`` given by their values at the knots, constant beyond them."""
    x, y = torch.tensor(knots, dtype=torch.float64), torch.tensor(values, dtype=torch.float64).T
    at = at.clamp(knots[0], knots[-1])
    upper = torch.searchsorted(x, at).clamp(1, len(x) - 1)
    share = (at - x[upper - 1]) / (x[upper] - x[upper - 1])
    return y[upper - 1] + share[..., None] * (y[upper] - y[upper - 1])
