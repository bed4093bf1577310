"""What the groups of the ascending menu hand on: the rule, the markets before a group, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.ascending_choice import Offers, Sale
from agents.broker.auctions.parts.ascending_groups import SizeClasses
from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.broker.auctions.parts.menu_network import History
from agents.units import PublicUnits


@dataclass(frozen=True)
class Rule:
    """What is fixed before anybody bids: the network, the units it works in and the classes of sizes."""

    network: AscendingNetwork
    units: PublicUnits
    classes: SizeClasses


@dataclass(frozen=True)
class Markets:
    """What some markets are like when a group's turn comes.

    Parameters
    ----------
    cost : float64[B, n, E]
        Reported cost of a record at the privacy losses on offer.
    for_sale : bool[B, n, E]
        Whether they are within the reported privacy budgets.
    unit_cost : float64[B, n]
        Reported cost of a record at the own privacy budget, in public units.
    quantum : float64[B]
        Money unit.
    everybody : float64[B]
        Owners present.
    history : History [B]
    left : float64[B]
        Money left, in whole quanta.
    largest : float64[B]
        Largest size asked so far, in public units.
    """

    cost: Tensor
    for_sale: Tensor
    unit_cost: Tensor
    quantum: Tensor
    everybody: Tensor
    history: History
    left: Tensor
    largest: Tensor

    def take(self, rows: Tensor) -> Markets:
        """Some of the markets."""
        return Markets(
            self.cost[rows],
            self.for_sale[rows],
            self.unit_cost[rows],
            self.quantum[rows],
            self.everybody[rows],
            self.history.take(rows),
            self.left[rows],
            self.largest[rows],
        )

    def after(self, here: Tensor, played: Played) -> Markets:
        """The markets after a group has been played in those at ``here``."""
        history = History(
            self.history.budget,
            self.history.left.index_copy(0, here, played.history.left),
            self.history.sums.index_copy(0, here, played.history.sums),
        )
        left, largest = self.left.index_copy(0, here, played.left), self.largest.index_copy(0, here, played.largest)
        return Markets(self.cost, self.for_sale, self.unit_cost, self.quantum, self.everybody, history, left, largest)


@dataclass(frozen=True)
class Lists:
    """What a group was offered in the world that really happens.

    Parameters
    ----------
    offered : Offers [T, B, E]
        The lists of all turns as whoever comes later may still take them.
    own : float64[T, B, E]
        Most records on them for whoever is asked at that turn herself.
    offered_largest : Offers [T - 1 + Z, B, E]
        What the largest owner may take: the lists of the turns before hers in world z2, then her own list in every
        world from z2 to z1, without a record in the others.
    """

    offered: Offers
    own: Tensor
    offered_largest: Offers

    def at(self, turn: int) -> tuple[Tensor, Tensor]:
        """Price and most records ``[turn + 1, B, E]`` for whoever is asked at a turn, the largest owner aside."""
        records = torch.cat([self.offered.records[:turn], self.own[turn : turn + 1]])
        return self.offered.price[: turn + 1], records


@dataclass(frozen=True)
class Played:
    """What came of a group, in the world that really happens.

    Parameters
    ----------
    sales : list of Sale [M, B]
        Of the members of every turn, but for the first ``Group.vacant`` places.
    history, left, largest : History [B], float64[B], float64[B]
        As in ``Markets``, afterwards.
    lists : Lists [B], optional
        Where they were asked for.
    """

    sales: list[Sale]
    history: History
    left: Tensor
    largest: Tensor
    lists: Lists | None
