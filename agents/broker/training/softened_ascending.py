"""The ascending menu under truthful bids, with choices that let gradients through, for training.

What really happens is played as deployed but for the rounding of money, and for two things that would take long: only
some of the earlier lists and lower worlds are open to choice, and the money line is the least money left in two worlds,
the real one and one drawn from those above it. Training that never saw the line would be surprised by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from agents.broker.auctions.parts.ascending_groups import SizeClasses, second_group_size
from agents.broker.auctions.parts.ascending_network import AscendingNetwork, Place, features
from agents.broker.auctions.parts.menu_network import History, Turn
from agents.types import OwnerTypes
from agents.units import PublicUnits

HIGHEST_ABOVE = 4
"""How many classes above the real world the other one may be."""

Lists = tuple[Tensor, Tensor]
"""Price and most records ``float32[B, E]``, in public units."""


@dataclass(frozen=True)
class Shortcuts:
    """What of the auction a step of training plays.

    Parameters
    ----------
    earlier_lists : int
        How many of the latest earlier lists everybody may choose from.
    lower_classes : int
        In how many worlds below the real one the largest owner is offered a list.
    """

    earlier_lists: int = 3
    lower_classes: int = 4


@dataclass(frozen=True)
class _Owners:
    """Owners in the order in which they are asked, in public units; everybody is present."""

    size: Tensor  # float64[B, n]
    cost: Tensor  # float32[B, n, E]
    cap: Tensor  # float32[B, n]
    unit_cost: Tensor  # float64[B, n]
    records: float  # of a unit
    groups: tuple[int, int]  # members

    @staticmethod
    def of(types: OwnerTypes, units: PublicUnits, levels: Tensor) -> _Owners:
        owners = types.shape[1]
        late = int(second_group_size(torch.tensor(owners)))
        early = owners - late
        order = torch.cat(
            [
                types.data_size[:, :early].argsort(dim=-1, stable=True),
                types.data_size[:, early:].argsort(dim=-1, stable=True) + early,
            ],
            dim=-1,
        )
        cost = (types.valuation.tabulate(levels.cpu()) / units.money_per_record).float()
        unit_cost = types.valuation.at(types.privacy_budget) / units.money_per_record
        on = levels.device
        return _Owners(
            size=(types.data_size.double() / units.records).gather(1, order).to(on),
            cost=cost.gather(1, order[..., None].expand_as(cost)).to(on),
            cap=types.privacy_budget.gather(1, order).float().to(on),
            unit_cost=unit_cost.gather(1, order).to(on),
            records=units.records,
            groups=(early, late),
        )


@dataclass
class _World:
    """A group in one world: what it takes the largest owner to be, and what has happened so far."""

    edge: Tensor  # float64[B]
    history: History
    lists: list[Lists] = field(default_factory=list)

    @property
    def left(self) -> Tensor:
        return self.history.left[:, None].float()


def softened_auction(
    network: AscendingNetwork,
    types: OwnerTypes,
    budget: Tensor,
    units: PublicUnits,
    temperature: float,
    shortcuts: Shortcuts,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Everybody takes her favourite entry; gradients see a softmax over entries instead (straight-through).

    What is spent is felt by those asked later through the money left, not through the features: prices are not trained
    through those.

    Parameters
    ----------
    network : AscendingNetwork
    types : OwnerTypes [B, n]
        Everybody present.
    budget : float64[B]
    units : PublicUnits
    temperature : float
        In utility per record, in public units.
    shortcuts : Shortcuts
    generator : torch.Generator, optional
        Draws the world above the real one; without, the money line is the money left.

    Returns
    -------
    (precision float64[B, n], share float64[B, n])
        In the order in which the owners are asked.
    """
    owners = _Owners.of(types, units, network.levels)
    money = budget.to(owners.size.device) / units.money
    turns = Turn.each(money, torch.ones_like(owners.size).unbind(-1))
    history = History.beginning(money, money)
    precision, bought = [], []
    start = 0
    for number, members in enumerate(owners.groups):
        group = _SoftenedGroup(network, owners, units, history, start, members, second=bool(number))
        if generator is not None:
            group.raise_one(generator)
        for turn in range(start, start + members):
            loss_squared, sold = group.turn(turns[turn], turn, temperature, shortcuts)
            precision.append(loss_squared / 8)
            bought.append(sold)
        start, history = start + members, group.real.history
    return torch.stack(precision, dim=-1), torch.stack(bought, dim=-1) / owners.size.sum(-1, keepdim=True)


class _SoftenedGroup:
    """One group of all markets, in the real world and possibly in a higher one."""

    def __init__(
        self,
        network: AscendingNetwork,
        owners: _Owners,
        units: PublicUnits,
        history: History,
        start: int,
        members: int,
        *,
        second: bool,
    ) -> None:
        self._network, self._owners, self._start, self._members = network, owners, start, members
        self._second = second
        classes = SizeClasses.in_records(network.edges, units.records)
        size = (owners.size[:, start : start + members] * units.records).round().long()
        self._edges = network.world_edges()
        self._upper = (classes.most_records().double() / units.records).float()
        if members:
            self._z1 = classes.of(size[:, -1])
            self._z2 = classes.of(size[:, -2]) if members > 1 else torch.zeros_like(self._z1)
            self.real = _World(self._edges[self._z1], history)
        else:
            self.real = _World(self._edges[torch.zeros(len(size), dtype=torch.int64)], history)
        self._raised: _World | None = None

    def raise_one(self, generator: torch.Generator) -> None:
        """Play a world above the real one beside it."""
        if self._members:
            above = torch.randint(1, HIGHEST_ABOVE + 1, self._z1.shape, generator=generator).to(self._z1.device)
            world = (self._z1 + above).clamp(max=len(self._edges) - 1)
            self._raised = _World(self._edges[world], _detached(self.real.history))

    def turn(self, facts: Turn, turn: int, temperature: float, shortcuts: Shortcuts) -> tuple[Tensor, Tensor]:
        """Square of the privacy loss and records ``float64[B]`` that a turn's owner sells in the real world."""
        place, real, raised = self._place(turn).facts(), self.real, self._raised
        line = real.left if raised is None else torch.minimum(real.left, raised.left)
        offers = self._offers(real, facts, place, turn, line, shortcuts)
        if turn == self._start + self._members - 1:
            offers += self._in_lower_worlds(facts, place, turn, line, shortcuts.lower_classes)
        choice = self._chosen(offers, turn, temperature)
        if raised is not None:
            with torch.no_grad():
                others = self._offers(raised, facts, place, turn, raised.left, shortcuts)
                raised.history = self._after(raised.history, turn, *self._chosen(others, turn, None))
        real.history = self._after(real.history, turn, *choice)
        return choice[0].double(), choice[1].double()

    def _offers(
        self, world: _World, facts: Turn, place: Tensor, turn: int, line: Tensor, shortcuts: Shortcuts
    ) -> list[Lists]:
        """The turn's own list and the latest earlier ones."""
        price, share = self._network(features(_detached(world.history), facts, place, world.edge))
        wanted = share * line / self._waiting(turn) / price
        earlier = world.lists[max(0, len(world.lists) - shortcuts.earlier_lists) :]
        world.lists.append((price, torch.minimum(wanted, self._size(turn))))
        return [(price, wanted), *earlier]

    def _in_lower_worlds(self, facts: Turn, place: Tensor, turn: int, line: Tensor, most: int) -> list[Lists]:
        """What the largest owner is offered in the worlds just below the real one, down to z2."""
        count = min(most, int((self._z1 - self._z2).max()))
        if count <= 0:
            return []
        world = self._z1 - torch.arange(1, count + 1, device=self._z1.device)[:, None]  # [world, market]
        real, market = world >= self._z2, torch.arange(len(self._z1), device=self._z1.device).repeat(count)
        world = world.clamp(min=0).flatten()
        history = _detached(self.real.history).take(market)
        price, share = self._network(features(history, facts.take(market), place[market], self._edges[world]))
        wanted = share * (line / self._waiting(turn))[market] / price
        wanted = torch.where(real.flatten()[:, None], torch.minimum(wanted, self._upper[world][:, None]), 0.0)
        shape = (count, len(self._z1), -1)
        return list(zip(price.view(shape).unbind(0), wanted.view(shape).unbind(0), strict=True))

    def _chosen(self, offers: Sequence[Lists], turn: int, temperature: float | None) -> tuple[Tensor, Tensor, Tensor]:
        """Square of the privacy loss, records and payment ``float32[B]``; no gradients without a temperature."""
        levels, mine, unit = self._network.levels.float(), self._size(turn), self._owners.records
        price = torch.cat([price for price, _ in offers], dim=-1)
        wanted = torch.minimum(torch.cat([most for _, most in offers], dim=-1), mine)
        records = wanted + ((wanted * unit + 1e-5).floor() / unit - wanted).detach()
        loss, cost = levels.repeat(len(offers)), self._owners.cost[:, turn].repeat(1, len(offers))
        for_sale = (loss <= self._owners.cap[:, turn, None]) & (records > 0)
        utility = torch.nn.functional.pad(torch.where(for_sale, records * (price - cost), -torch.inf), (1, 0))
        choice = torch.nn.functional.one_hot(utility.argmax(-1), utility.shape[-1]).float()
        if temperature is not None:
            soft = torch.softmax(utility / mine / temperature, dim=-1)
            choice = choice + soft - soft.detach()
        choice = choice[:, 1:]
        return (choice * loss**2).sum(-1), (choice * records).sum(-1), (choice * records * price).sum(-1)

    def _after(self, history: History, turn: int, loss_squared: Tensor, sold: Tensor, paid: Tensor) -> History:
        owners = self._owners
        return history.after(
            left=(history.left - paid.double()).clamp(min=0),
            privacy_loss_squared=loss_squared.detach().double()[:, None],
            bought=sold.detach().double()[:, None],
            size=owners.size[:, turn, None],
            unit_cost=owners.unit_cost[:, turn, None],
            sold=(sold.detach()[:, None] > 0).double(),
        )

    def _place(self, turn: int) -> Place:
        size = self._owners.size
        none = torch.zeros_like(size[:, 0])
        predecessor = size[:, turn - 1] if turn > self._start else none
        largest = torch.maximum(predecessor, size[:, self._start - 1] if self._start else none)

        def everywhere(number: float) -> Tensor:
            return torch.full_like(none, number)

        return Place(
            asked=everywhere(turn),
            everybody=everywhere(size.shape[1]),
            waiting=everywhere(self._waiting(turn)),
            group=everywhere(self._members),
            second=everywhere(self._second),
            predecessor=predecessor,
            largest=largest,
        )

    def _waiting(self, turn: int) -> int:
        return self._start + self._members - turn

    def _size(self, turn: int) -> Tensor:
        return self._owners.size[:, turn, None].float()


def _detached(history: History) -> History:
    """The history as features see it: no gradient goes through them."""
    return History(history.budget, history.left.detach(), history.sums)
