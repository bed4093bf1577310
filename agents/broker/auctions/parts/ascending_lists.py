"""Everybody's price list of the ascending menu: all the lists that she may choose from, in one ``Menu``.

``ListBook`` keeps them all, ``ListReader`` only what is picked from them: of a hundred thousand owners all lists would
fill gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Menu, entry_utility, favourite
from agents.broker.auctions.parts.ascending_groups import Group, most_turns
from agents.broker.auctions.parts.ascending_markets import Lists
from agents.messages import Bids, Outcome


@dataclass(frozen=True)
class MenuOfLists(Menu):
    """A ``Menu`` of several lists with the same privacy losses each: nothing for nothing, then one list after another.

    Privacy losses rise within each list only; of entries that an owner likes equally the first is hers.
    """

    def utility(self, bids: Bids) -> Tensor:
        """Utility ``[B, n, K]`` of every entry to owners who are as their bids say; -inf if not theirs to sell."""
        cost = self._cost(bids)
        return entry_utility(self.privacy_loss, self.price, self.records, cost, bids.privacy_budget, bids.data_size)

    def choose(self, bids: Bids) -> Outcome:
        """Everybody's favourite entry, chosen for her from her bid."""
        cost = self._cost(bids)
        entry, records, payment = favourite(
            self.privacy_loss, self.price, self.records, cost, bids.privacy_budget, bids.data_size
        )
        privacy_loss = self.privacy_loss.gather(-1, entry[..., None])[..., 0]
        return Outcome(privacy_loss=privacy_loss, payment=payment, data_size=records)

    def _cost(self, bids: Bids) -> Tensor:
        """Reported cost of a record ``[B, n, K]``, each privacy loss valued once for all lists."""
        if not self.price.numel():
            return torch.zeros_like(self.price)
        levels, place = self.privacy_loss[0, 0].unique(return_inverse=True)  # type: ignore[no-untyped-call]
        return bids.valuation.tabulate(levels)[..., place]


@dataclass(frozen=True)
class ListBook:
    """Price and most records of the lists offered to every owner, filled in group by group.

    An owner's lists have the same places whatever anybody reports: first those of her group's turns, the last turn of
    the group always in the same place, then one for every class, which only the largest owner of a group has.

    Parameters
    ----------
    price : float64[B, n + 1, 1 + S E]
        Nothing for nothing, then the lists one after another. The last owner stands for vacant places.
    records : int64[B, n + 1, 1 + S E]
        0 where a list is not hers.
    entries : int
        Of each list.
    """

    price: Tensor
    records: Tensor
    entries: int

    @staticmethod
    def empty(batch: int, owners: int, classes: int, entries: int) -> ListBook:
        """Nobody has been offered anything."""
        shape = (batch, owners + 1, 1 + (most_turns(owners) + classes) * entries)
        return ListBook(torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.int64), entries)

    def rows(self, start: int, count: int) -> ListBook:
        """The part of some markets; what is added there is added here."""
        return ListBook(self.price[start : start + count], self.records[start : start + count], self.entries)

    def add(self, lists: Lists, group: Group, here: Tensor, quantum: Tensor) -> None:
        """Add what a group was offered in the markets at ``here[B]``, whose money units are ``quantum[B]``."""
        turns = group.turns
        classes = len(lists.offered_largest.price) - (turns - 1)
        after_last = (self.price.shape[2] - 1) // self.entries - classes
        for turn, vacant in enumerate(group.vacant):
            place = slice(after_last - turns, after_last - turns + turn + 1)
            price, records = lists.at(turn)
            for member in range(vacant, group.owner.shape[2] - (turn == turns - 1)):
                self._write(here, group.owner[:, turn, member], place, price, records, quantum)
        largest, owner = lists.offered_largest, group.owner[:, -1, -1]
        for place, some in (
            (slice(after_last - turns, after_last - 1), slice(0, turns - 1)),
            (slice(after_last, after_last + classes), slice(turns - 1, None)),
        ):
            self._write(here, owner, place, largest.price[some], largest.records[some], quantum)

    def _write(
        self, here: Tensor, owner: Tensor, place: slice, price: Tensor, records: Tensor, quantum: Tensor
    ) -> None:
        """Write lists ``[S, B, E]`` of one owner in each market."""
        entries = slice(1 + place.start * self.entries, 1 + place.stop * self.entries)
        self.price[here, owner, entries] = (price.transpose(0, 1) * quantum[:, None, None]).flatten(1)
        self.records[here, owner, entries] = records.transpose(0, 1).flatten(1).long()

    def menu(self, levels: Tensor) -> MenuOfLists:
        """All of it as a menu, the entries of every list being for sale at ``levels[E]``."""
        price, records = self.price[:, :-1], self.records[:, :-1]
        lists = (price.shape[2] - 1) // self.entries
        privacy_loss = torch.nn.functional.pad(levels.repeat(lists), (1, 0)).expand(price.shape)
        return MenuOfLists(privacy_loss=privacy_loss, price=price, records=records)


class ListReader:
    """What everybody picks for a bid ``[B, n]`` from the lists of other bids, read off group by group.

    Parameters
    ----------
    bids : Bids [B, n]
        What everybody picks by.
    levels : float64[E]
        Privacy losses on offer.
    """

    def __init__(self, bids: Bids, levels: Tensor) -> None:
        self._bids, self._levels = bids, levels
        self._cost = bids.valuation.tabulate(levels)  # [batch, owner, entry]
        batch, owners = bids.shape
        # Privacy loss, payment and records; the last owner stands for vacant places.
        self._picked = torch.zeros(3, batch, owners + 1, dtype=torch.float64)

    def add(self, lists: Lists, group: Group, here: Tensor, quantum: Tensor) -> None:
        """Read off what a group was offered in the markets at ``here[B]``, whose money units are ``quantum[B]``."""
        last = group.turns - 1
        for turn, vacant in enumerate(group.vacant):
            members = group.owner[:, turn, vacant:]
            if turn == last:
                largest, members = members[:, -1:], members[:, :-1]
                self._pick(lists.offered_largest.price, lists.offered_largest.records, largest, here, quantum)
            if members.shape[1]:
                self._pick(*lists.at(turn), members, here, quantum)

    def _pick(self, price: Tensor, records: Tensor, owner: Tensor, here: Tensor, quantum: Tensor) -> None:
        """Let ``owner[B, M]`` pick from lists ``[S, B, E]``."""
        bids, count = self._bids, len(price)
        someone = owner.clamp(max=bids.shape[1] - 1)
        row = here[:, None]
        price = (price.transpose(0, 1) * quantum[:, None, None]).flatten(1)[:, None]  # [batch, 1, entry]
        shape = (-1, owner.shape[1], 1 + price.shape[2])
        price = torch.nn.functional.pad(price, (1, 0)).expand(shape)
        privacy_loss = torch.nn.functional.pad(self._levels.repeat(count), (1, 0)).expand(price.shape)
        most = torch.nn.functional.pad(records.transpose(0, 1).flatten(1).long(), (1, 0))[:, None]
        cost = torch.nn.functional.pad(self._cost[row, someone].repeat(1, 1, count), (1, 0))
        entry, sold, payment = favourite(
            privacy_loss,
            price,
            most.expand(shape),
            cost,
            bids.privacy_budget[row, someone],
            bids.data_size[row, someone],
        )
        loss = privacy_loss.gather(-1, entry[..., None])[..., 0]
        self._picked[:, row, owner] = torch.stack([loss, payment, sold.double()])

    def outcome(self) -> Outcome:
        """All of it."""
        privacy_loss, payment, records = self._picked[:, :, :-1].contiguous()
        return Outcome(privacy_loss=privacy_loss, payment=payment, data_size=records.long())
