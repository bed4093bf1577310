"""Public price lists for lots of records, nested: each pays for everything at least what the one before pays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from agents.broker.auctions.parts.batch_invariant import batch_invariant
from agents.units import PublicUnits

TERMS = 5
"""Functions of records q and privacy loss e that a price is made of: log q, log^2 q, log e, log^2 e, log q log e."""
BUCKET_WIDTH = 1.0
"""Markets share their lists if their logarithms of budget per bidder and of bidders agree to this."""
BUDGET_EXPONENT = 0.42
"""By how much the richness of the lists on offer grows with the logarithm of the budget per bidder."""

_MAX_LOG = 60.0
"""Logarithm of the most that a list pays for anything, in public units: more than anything costs."""


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

    def bucket(self, budget: Tensor, bidders: Tensor) -> Tensor:
        """What the lists of a market depend on, ``int64[B, 2]``: a function of budget and number of bidders alone."""
        ...

    def lists(self, bucket: tuple[int, int]) -> Tensor:
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

    def bucket(self, budget: Tensor, bidders: Tensor) -> Tensor:
        """Always the same."""
        return torch.zeros(len(budget), 2, dtype=torch.int64)

    def lists(self, bucket: tuple[int, int]) -> Tensor:
        """The lists."""
        return self.price


@dataclass(frozen=True)
class PriceShape:
    """What learned price lists are made of, in public units; the tensors of a checkpoint.

    Parameters
    ----------
    levels : float64[K]
        Privacy losses on sale.
    lots : float64[M]
        Lots, in mean data sizes.
    offsets : float64[G]
        Richness of the lists on offer, less ``BUDGET_EXPONENT`` times the logarithm of the budget per bidder. Densely
        where the market mostly ends and not far above: a bidder whom the others leave plenty would otherwise sell next
        to nothing for it.
    knots : float64[J]
        Richnesses at which the exponents are given.
    exponents : float64[TERMS, J]
        Of the terms, at the knots; linear in between, constant beyond.
    per_log_bidders : float64[TERMS]
        What is added to them per unit of log(bidders / 10).
    """

    levels: Tensor
    lots: Tensor
    offsets: Tensor
    knots: Tensor
    exponents: Tensor
    per_log_bidders: Tensor

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not bool(getattr(self, name).isfinite().all()):
                raise ValueError(f"{name} holds a number that is not finite")
        for name, minimum in (("levels", 0.0), ("lots", 0.0), ("offsets", -math.inf), ("knots", -math.inf)):
            part = getattr(self, name)
            if part.ndim != 1 or not len(part) or float(part[0]) <= minimum or bool((part.diff() <= 0).any()):
                raise ValueError(f"{name} = {part.tolist()}: pass increasing numbers above {minimum:g}")
        for name, shape in (("exponents", (TERMS, len(self.knots))), ("per_log_bidders", (TERMS,))):
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"{name} has shape {list(getattr(self, name).shape)}; pass shape {list(shape)}")


class LearnedPrices:
    """Lists around those that clear the market as a rule, given the budget per bidder and the number of bidders.

    In public units, the list of richness s pays for q records at privacy loss e

        exp(s + a log q + c log^2 q + b log e + d log^2 e + f log q log e),

    or what a poorer list pays, if that is more. The exponents a to f are piecewise linear in s: rich lists lean towards
    high privacy losses, poor ones towards many records. They also shift with the number of bidders: among many, one
    owner's share of the records, not the noise, is what a market is short of.

    Parameters
    ----------
    shape : PriceShape
        The exponents and what is on sale.
    units : PublicUnits
        Public units of records and money.
    """

    def __init__(self, shape: PriceShape, units: PublicUnits) -> None:
        self.shape = shape
        self.levels = shape.levels
        # The margin keeps a lot of exactly so many records from being rounded down to one less.
        lots = (units.records * shape.lots * (1 + 1e-12)).floor().long().unique()  # type: ignore[no-untyped-call]
        self.lots = lots[lots > 0]
        self._units = units
        log_q = batch_invariant(torch.log, self.lots.double() / units.records)[:, None]
        log_e = batch_invariant(torch.log, self.levels)
        terms = (log_q, log_q**2, log_e, log_e**2, log_q * log_e)
        self._terms = torch.stack([term.expand(len(log_q), len(log_e)) for term in terms])  # [term, lot, level]
        self._per_record = (units.money / self.lots.double())[:, None]  # [lot, 1]

    def bucket(self, budget: Tensor, bidders: Tensor) -> Tensor:
        """The logarithms of budget per bidder and of bidders over ten, rounded, within what was looked at."""
        bidders = bidders.clamp(min=1).double()
        log_money = batch_invariant(torch.log, budget / self._units.money / bidders).clamp(-12, 12)  # [batch]
        log_bidders = batch_invariant(torch.log, bidders / 10).clamp(-2, 3)
        return (torch.stack([log_money, log_bidders], dim=-1) / BUCKET_WIDTH).round().long()

    def lists(self, bucket: tuple[int, int]) -> Tensor:
        """Money per record ``[G, M, K]``."""
        log_money, log_bidders = (BUCKET_WIDTH * part for part in bucket)
        richness = BUDGET_EXPONENT * log_money + self.shape.offsets  # [list]
        exponents = _piecewise_linear(richness, self.shape.knots, self.shape.exponents)  # [list, term]
        exponents = exponents + log_bidders * self.shape.per_log_bidders
        log_total = richness[:, None, None] + torch.tensordot(exponents, self._terms, dims=1)  # [list, lot, level]
        total = batch_invariant(torch.exp, log_total.clamp(max=_MAX_LOG))
        # Nested whatever the exponents: where they cross, a richer list pays what a poorer one does.
        paying = (total * self._per_record).cummax(dim=0).values
        # The first list pays nothing: whoever is left no money is offered that one.
        return torch.cat([torch.zeros_like(paying[:1]), paying])


def _piecewise_linear(at: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Functions ``[..., F]`` given by their values ``[F, J]`` at the knots, constant beyond them."""
    if len(knots) == 1:
        return values[:, 0].expand(*at.shape, -1)
    at = at.clamp(float(knots[0]), float(knots[-1]))
    upper = torch.searchsorted(knots, at).clamp(1, len(knots) - 1)  # [...], the knot above
    share = (at - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
    return values.T[upper - 1] + share[..., None] * (values.T[upper] - values.T[upper - 1])
