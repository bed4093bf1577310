"""The empirical game of a mechanism: what each way of bidding brings when everybody draws hers from one mixture.

The same profiles, budgets and draws serve every strategy and every mixture (common random numbers), so that differences
between strategies are differences of the same owners in the same markets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.checks import generator_of
from agents.messages import BID_FIELDS, Bids
from agents.misreports.scalar import Misreport
from agents.misreports.search import expected_utility, per_cost
from agents.types import OwnerTypes
from analysis.incentives.structure import lists_hold

Play = Callable[[OwnerTypes], Bids]
"""A way of bidding that needs no learning: true types ``[B, n]`` to bids ``[B, n]``."""

TRUTH = "truthful"
ENTRIES_AT_ONCE = 100_000
"""Bids in one run of the auction: bounds the memory that a game takes."""

_MISREPORTS: dict[str, tuple[float, float, float]] = {
    "valuation x 0.8": (0.8, 1.0, 1.0),
    "valuation x 1.25": (1.25, 1.0, 1.0),
    "valuation x 1.5": (1.5, 1.0, 1.0),
    "valuation x 2": (2.0, 1.0, 1.0),
    "valuation x 3": (3.0, 1.0, 1.0),
    "half the privacy budget": (1.0, 0.5, 1.0),
    "half the records": (1.0, 1.0, 0.5),
}


def pure_strategies(fields: Collection[str] = BID_FIELDS) -> dict[str, Play]:
    """Return the truth and scalar misreports of ``fields``, by name; the truth comes first."""
    about = {"valuation": 0, "privacy_budget": 1, "data_size": 2}
    told = {
        name: misreport
        for name, misreport in _MISREPORTS.items()
        if any(misreport[about[field]] != 1 for field in fields)
    }
    return {TRUTH: OwnerTypes.truthful_bids, **{name: _misreport(misreport) for name, misreport in told.items()}}


def _misreport(misreport: tuple[float, float, float]) -> Play:
    parts = [torch.tensor(part, dtype=torch.float64) for part in misreport]
    return lambda types: Misreport(*parts).tell(types)


@dataclass(frozen=True, eq=False)
class EmpiricalGame:
    """A symmetric game played by owners who are drawn from the prior, restricted to a few strategies.

    Payoffs are ``float64[M, P, S]``: for each of M mixtures and P profiles, what an owner of the profile gets on
    average by strategy s when all others draw theirs from the mixture, over her cost of all she has. Where an auction
    offers price lists that were tested not to move with the own bid, all owners of a profile are averaged over;
    otherwise one of them, in turn over the profiles, plays every strategy. Lotteries count by their expectation.

    Parameters
    ----------
    auction : Auction
        Fields that it has verified are true whatever a strategy says.
    types : OwnerTypes [P, n]
    budget : float64[P]
    strategies : mapping of str to callable
        Bids as functions of types; the first is what the others are compared with, as a rule the truth.
    draw : float64[P, n]
        Uniform numbers by which the owners draw their strategies from any mixture.
    lists : bool
        Whether price lists answer for every bid of their owner.

    Notes
    -----
    Source: Wellman, "Methods for empirical game-theoretic analysis", 2006.
    """

    auction: Auction
    types: OwnerTypes
    budget: Tensor
    strategies: Mapping[str, Play]
    draw: Tensor
    lists: bool

    @classmethod
    def of(
        cls,
        auction: Auction,
        prior: Any,
        *,
        owners: int,
        profiles: int,
        generator: torch.Generator,
        strategies: Mapping[str, Play] | None = None,
    ) -> EmpiricalGame:
        """Draw the profiles of a game from ``prior`` (anything with ``sample``)."""
        types, budget = prior.sample(profiles, owners, generator_of("generator", generator))
        draw = torch.rand(types.shape, generator=generator, dtype=torch.float64)
        known = pure_strategies(auction.guarantees.strategic) if strategies is None else dict(strategies)
        if len(known) < 2:
            raise ValueError(f"strategies = {sorted(known)}: pass at least two, else there is nothing to choose")
        return cls(auction, types, budget, known, draw, lists_hold(auction, types, budget, generator))

    @property
    def names(self) -> tuple[str, ...]:
        """The strategies, in order."""
        return tuple(self.strategies)

    def chosen(self, mixture: Tensor) -> Tensor:
        """Strategies ``int64[M, P, n]`` that the owners draw from ``mixture[M, S]``."""
        bounds = mixture.cumsum(-1)  # [M, S]
        # The last bound is 1 but for rounding: measured against it, no draw falls beyond the last strategy.
        level = self.draw[None, :, :, None] * bounds[:, None, None, -1:]  # [M, P, n, 1]
        return (level >= bounds[:, None, None, :]).sum(-1).clamp(max=mixture.shape[-1] - 1)

    def payoffs(self, mixture: Tensor) -> Tensor:
        """Payoffs ``float64[M, P, S]`` against mixtures ``[M, S]``."""
        profiles, owners = self.types.shape
        bids = [self._verified(play(self.types)) for play in self.strategies.values()]  # S times [P, n]
        # Every mixture makes markets of its own of all profiles: m = M P markets in all.
        chosen = self.chosen(mixture).flatten(0, 1)  # [m, n]
        row = torch.arange(profiles).repeat(len(mixture))  # [m]
        result = torch.empty(len(row), len(bids), dtype=torch.float64)
        for part in torch.split(torch.arange(len(row)), max(1, ENTRIES_AT_ONCE // max(1, owners))):
            result[part] = self._of_markets(chosen[part], row[part], bids)
        return result.reshape(len(mixture), profiles, len(bids))

    def _verified(self, bids: Bids) -> Bids:
        known = self.auction.guarantees.verified
        return bids.replace(**{field: getattr(self.types, field) for field in known}) if known else bids

    def _of_markets(self, chosen: Tensor, row: Tensor, bids: list[Bids]) -> Tensor:
        """Payoffs ``[m, S]`` in markets whose profile is ``row[m]`` and whose owners play ``chosen[m, n]``."""
        types, budget = self.types.take(rows=row), self.budget[row]
        told = [each.take(rows=row) for each in bids]  # S times [m, n]
        market = told[0]
        for index, each in enumerate(told[1:], start=1):
            market = each.where(chosen == index, market)
        if self.lists:
            # Her list does not move with her own bid: what any strategy would bring her is one choice from it.
            menu = self.auction.price_list(market, budget)  # type: ignore[attr-defined]
            count = (types.data_size > 0).sum(-1).clamp(min=1)
            return torch.stack(
                [per_cost(types, types.utility(menu.choose(each))).sum(-1) / count for each in told], dim=-1
            )
        deviator = (row % self.types.shape[1])[:, None]  # [m, 1]
        alone = torch.arange(self.types.shape[1]) == deviator  # [m, n]
        columns = []
        for each in told:
            utility = expected_utility(self.auction, types, each.where(alone, market), budget)
            columns.append(per_cost(types, utility).gather(-1, deviator)[:, 0])
        return torch.stack(columns, dim=-1)
