"""Ascending menus that lack one part of the rule each: the controls that show that tests and checks can find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from unittest import mock

import torch
from torch import Tensor

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.auctions.parts import ascending_worlds
from agents.broker.auctions.parts.ascending_choice import Offers
from agents.broker.auctions.parts.ascending_groups import Group, SizeClasses
from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.broker.auctions.parts.ascending_worlds import Worlds
from agents.messages import Outcome
from agents.prior import OwnerPrior

EDGES = torch.tensor([0.0, 0.1, 0.3, 1.0, 3.0, 10.0], dtype=torch.float64)
_open_to_largest, _message = Worlds._open_to_largest, Group.message


def _only_the_true_class(worlds: Worlds, price: Tensor, records: Tensor) -> Offers:
    true = (torch.arange(len(price))[:, None] == worlds._z1)[..., None]
    return _open_to_largest(worlds, price, torch.where(true, records, 0.0))


def _only_her_own(worlds: Worlds, price: Tensor, records: Tensor) -> Offers:
    offers = _open_to_largest(worlds, price, records)
    offers.records[: len(offers.price) - len(price)] = 0
    return Offers.of(offers.price, offers.records)


def _with_her_own_class(group: Group, classes: SizeClasses) -> tuple[Tensor, Tensor]:
    lowest, actual = _message(group, classes)
    return torch.where(group.members > 1, lowest, actual), actual


class Flawed(AscendingMenu):
    """An ascending menu of which one function is replaced while it plays."""

    instead: ClassVar[tuple[Any, str, Callable[..., Any]]]

    def _play(self, *args: Any) -> Outcome:
        with mock.patch.object(*self.instead):
            return super()._play(*args)


class WithoutLowerClasses(Flawed):
    """The largest owner is not offered what a smaller class would get."""

    instead = (Worlds, "_open_to_largest", _only_the_true_class)


class WithoutEarlierLists(Flawed):
    """The largest owner is not offered what those before her were."""

    instead = (Worlds, "_open_to_largest", _only_her_own)


class AloneLikeEverybody(Flawed):
    """A member alone in her group counts as her own second largest: z2 = z1."""

    instead = (Group, "message", _with_her_own_class)


class WithoutTheLine(Flawed):
    """Lists cost as much as their own world has left."""

    instead = (ascending_worlds, "money_line", lambda left, *_: left)


def wild_auction(seed: int = 0, spread: float = 0.4, kind: type[AscendingMenu] = AscendingMenu) -> AscendingMenu:
    """Few levels and classes, and weights that make every list differ from every other."""
    levels = torch.linspace(0.25, 2.0, 5, dtype=torch.float64).repeat_interleave(2)
    network = AscendingNetwork(levels, 0.6 * levels, EDGES, width=16)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(spread * torch.randn(parameter.shape, generator=generator))
    return kind(OwnerPrior().units, network=network)
