"""The ascending menu under truthful bids, with choices that let gradients through, for training.

What really happens is played as deployed but for the rounding of money, and for two things that would take long: only
some of the earlier lists and lower worlds are open to choice, and the money line, for which all higher worlds would
have to be played, is taken to be the money left. A training that sees the lower money of two worlds ends higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from agents.broker.auctions.parts.ascending_groups import SizeClasses, in_groups
from agents.broker.auctions.parts.ascending_network import AscendingNetwork, Place, Setting, features
from agents.broker.auctions.parts.menu_network import History, Turn, known_cost
from agents.broker.training.straight_through import NEVER, straight_through_choice
from agents.types import OwnerTypes
from agents.units import PublicUnits

Lists = tuple[Tensor, Tensor]
"""Price and most records ``float32[B, E]``, in public units."""
Choice = tuple[Tensor, Tensor, Tensor]
"""Square of the privacy loss, records and payment ``float32[B, M]``."""


@dataclass(frozen=True)
class Shortcuts:
    """What of the auction a step of training plays.

    Parameters
    ----------
    earlier_lists : int
        How many of the latest earlier lists everybody may choose from.
    lower_classes : int
        In how many worlds below the real one the largest owner is offered a list.
    alone : int, optional
        How many of the largest owners of a group have turns of their own in large markets; by default as deployed.
        With none a step is a third shorter.
    """

    earlier_lists: int = 3
    lower_classes: int = 4
    alone: int | None = None


@dataclass(frozen=True)
class _Owners:
    """Owners in the order in which they are asked, in public units; everybody is present."""

    size: Tensor  # float64[B, n]
    cost: Tensor  # float32[B, n, E], NEVER above the privacy budget
    known_cost: Tensor  # float64[B, n], as a history knows it
    records: float  # of a unit
    turns: tuple[list[slice], list[slice]]  # of either group: which owners

    @staticmethod
    def of(types: OwnerTypes, units: PublicUnits, levels: Tensor, alone: int | None) -> _Owners:
        """The owners of a batch of markets."""
        first, second = in_groups(types.data_size, alone)
        order = torch.cat([group.owner.flatten(1) for group in (first, second)], dim=-1)
        order = order[:, order[0] < types.shape[1]]  # vacant places are the same in all markets
        cost = types.valuation.tabulate(levels.cpu()) / units.money_per_record
        cost = torch.where(levels.cpu() <= types.privacy_budget[..., None], cost, NEVER).float()
        unit_cost = types.valuation.at(types.privacy_budget) / units.money_per_record
        size = (types.data_size.double() / units.records).gather(1, order)
        on = levels.device
        asked = [[int(turn[0]) for turn in group.present(types.shape[1])] for group in (first, second)]
        return _Owners(
            size=size.to(on),
            cost=cost.gather(1, order[..., None].expand_as(cost)).to(on),
            known_cost=known_cost(unit_cost.gather(1, order), size).to(on),
            records=units.records,
            turns=(_slices(asked[0], 0), _slices(asked[1], sum(asked[0]))),
        )


def _slices(lengths: Sequence[int], start: int) -> list[slice]:
    """Slices of these lengths, one after another."""
    ends = list(accumulate(lengths, initial=start))
    return [slice(begin, end) for begin, end in pairwise(ends)]


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

    Returns
    -------
    (precision float64[B, n], share float64[B, n])
        In the order in which the owners are asked.
    """
    owners = _Owners.of(types, units, network.levels, shortcuts.alone)
    money = budget.to(owners.size.device) / units.money
    every = [*owners.turns[0], *owners.turns[1]]
    facts = Turn.each(money, [torch.full_like(money, turn.stop - turn.start) for turn in every])
    history = History.beginning(money, money)
    precision, bought = [], []
    for second, turns in enumerate(owners.turns):
        if not turns:
            continue
        group = _SoftenedGroup(network, owners, units, history, second=bool(second))
        for turn in range(len(turns)):
            loss_squared, sold = group.turn(facts[second * len(owners.turns[0]) + turn], turn, temperature, shortcuts)
            precision.append(loss_squared / 8)
            bought.append(sold)
        history = group.real.history
    return torch.cat(precision, dim=-1), torch.cat(bought, dim=-1) / owners.size.sum(-1, keepdim=True)


class _SoftenedGroup:
    """One group of all markets, at least one member, in the real world."""

    def __init__(
        self, network: AscendingNetwork, owners: _Owners, units: PublicUnits, history: History, *, second: bool
    ) -> None:
        self._network, self._owners, self._second = network, owners, second
        self._turns = owners.turns[second]
        self._start, self._end = self._turns[0].start, self._turns[-1].stop
        classes = SizeClasses.in_records(network.edges, units.records)
        size = (owners.size[:, self._start : self._end] * units.records).round().long()
        self._edges = network.world_edges()
        self._upper = (classes.most_records().double() / units.records).float()
        self._z1 = classes.of(size[:, -1])
        self._z2 = classes.of(size[:, -2]) if size.shape[1] > 1 else torch.zeros_like(self._z1)
        self.real = _World(self._edges[self._z1], history)

    def turn(self, facts: Turn, turn: int, temperature: float, shortcuts: Shortcuts) -> tuple[Tensor, Tensor]:
        """Square of the privacy loss and records ``float64[B, M]`` that a turn's owners sell in the real world."""
        place, real = self._place(turn).facts(), self.real
        offers = self._offers(real, facts, place, turn, shortcuts)
        members = self._turns[turn]
        if turn < len(self._turns) - 1:
            choice = self._chosen(offers, members, temperature)
        else:
            lower = self._in_lower_worlds(facts, place, turn, shortcuts.lower_classes)
            choice = self._chosen([*offers, *lower], slice(members.stop - 1, members.stop), temperature)
            if members.stop - members.start > 1:
                others = self._chosen(offers, slice(members.start, members.stop - 1), temperature)
                loss, sold, paid = (torch.cat(both, dim=-1) for both in zip(others, choice, strict=True))
                choice = loss, sold, paid
        real.history = self._after(real.history, members, choice)
        return choice[0].double(), choice[1].double()

    def _offers(self, world: _World, facts: Turn, place: Tensor, turn: int, shortcuts: Shortcuts) -> list[Lists]:
        """The turn's own list and the latest earlier ones."""
        price, share = self._network(features(_detached(world.history), Setting.of(facts, place, world.edge)))
        wanted = share * (world.left / self._waiting(turn)) / price
        earlier = world.lists[max(0, len(world.lists) - shortcuts.earlier_lists) :]
        largest = self._owners.size[:, self._turns[turn].stop - 1, None].float()
        world.lists.append((price, torch.minimum(wanted, largest)))
        return [(price, wanted), *earlier]

    def _in_lower_worlds(self, facts: Turn, place: Tensor, turn: int, most: int) -> list[Lists]:
        """What the largest owner is offered in the worlds just below the real one, down to z2."""
        count = min(most, int((self._z1 - self._z2).max()))
        if count <= 0:
            return []
        world = self._z1 - torch.arange(1, count + 1, device=self._z1.device)[:, None]  # [world, market]
        real, market = world >= self._z2, torch.arange(len(self._z1), device=self._z1.device).repeat(count)
        world = world.clamp(min=0).flatten()
        history = _detached(self.real.history).take(market)
        setting = Setting.of(facts.take(market), place[market], self._edges[world])
        price, share = self._network(features(history, setting))
        wanted = share * (self.real.left / self._waiting(turn))[market] / price
        wanted = torch.minimum(wanted, self._upper[world][:, None]) * real.flatten()[:, None].float()
        shape = (count, len(self._z1), -1)
        return list(zip(price.view(shape).unbind(0), wanted.view(shape).unbind(0), strict=True))

    def _chosen(self, offers: Sequence[Lists], members: slice, temperature: float) -> Choice:
        """What the members of a turn take."""
        owners = self._owners
        return straight_through_choice(
            torch.cat([price for price, _ in offers], dim=-1),
            torch.cat([most for _, most in offers], dim=-1),
            owners.size[:, members].float(),
            owners.cost[:, members].repeat(1, 1, len(offers)),
            self._network.levels.float().square().repeat(len(offers)),
            owners.records,
            temperature,
        )

    def _after(self, history: History, members: slice, choice: Choice) -> History:
        owners, (loss_squared, sold, paid) = self._owners, choice
        return history.after(
            left=(history.left - paid.double().sum(-1)).clamp(min=0),
            privacy_loss_squared=loss_squared.detach().double(),
            bought=sold.detach().double(),
            size=owners.size[:, members],
            cost=owners.known_cost[:, members],
            sold=(sold.detach() > 0).double(),
        )

    def _place(self, turn: int) -> Place:
        size, start = self._owners.size, self._turns[turn].start
        none = torch.zeros_like(size[:, 0])
        predecessor = size[:, start - 1] if turn else none
        largest = torch.maximum(predecessor, size[:, self._start - 1] if self._start else none)

        def everywhere(number: float) -> Tensor:
            return torch.full_like(none, number)

        return Place(
            asked=everywhere(start),
            everybody=everywhere(size.shape[1]),
            waiting=everywhere(self._waiting(turn)),
            group=everywhere(self._end - self._start),
            second=everywhere(self._second),
            predecessor=predecessor,
            largest=largest,
        )

    def _waiting(self, turn: int) -> int:
        return int(self._end - self._turns[turn].start)


def _detached(history: History) -> History:
    """The history as features see it: no gradient goes through them."""
    return History(history.budget, history.left.detach(), history.sums)
