"""An owner's favourite among many price lists: looked for in float32, decided exactly where float32 leaves a doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.surplus import surplus

_DOUBT = 2.0**-19
"""Rounding to float32 moves what an offer of payment p leaves, if that is no loss, by less than p / 2^21."""
_MAX_COST = 1e30
"""Cost of a record, in quanta, at which nothing is ever sold: budgets are less than 2^51 quanta."""
_ENTRIES = 3_000_000
"""Entries that the members of a turn look at, at a time."""
_NO_OFFER = -1e30
"""Payment, in quanta, that the search sees where no record is bought: nobody's favourite, nor a rival of selling
nothing, which would leave a doubt."""


@dataclass(frozen=True)
class Offers:
    """Price lists of some rows (markets, or markets in one world each), filled in list by list.

    Parameters
    ----------
    price : float64[S, R, E]
        Whole quanta a record.
    records : float64[S, R, E]
        Most records bought, a whole number.
    paid, sold : float32[S, R, E]
        Price times records, and records: what the search for a favourite sees.
    """

    price: Tensor
    records: Tensor
    paid: Tensor
    sold: Tensor

    @staticmethod
    def room(lists: int, rows: int, entries: int) -> Offers:
        """Room for so many lists, with nothing in it."""
        shape = (lists, rows, entries)
        whole, rough = torch.float64, torch.float32
        return Offers(*(torch.empty(shape, dtype=dtype) for dtype in (whole, whole, rough, rough)))

    @staticmethod
    def of(price: Tensor, records: Tensor) -> Offers:
        """Lists ``[S, R, E]`` that are there already."""
        rough = [torch.empty(price.shape, dtype=torch.float32) for _ in range(2)]
        offers = Offers(price, records, *rough)
        offers._see(slice(None))
        return offers

    def put(self, place: int, price: Tensor, records: Tensor, most: Tensor) -> None:
        """Put the lists ``[R, E]`` of a turn in their place, on which at most ``most[R]`` records are bought."""
        self.price[place] = price
        torch.minimum(records, most[:, None], out=self.records[place])
        self._see(place)

    def _see(self, place: int | slice) -> None:
        """Bring what the search sees up to date."""
        self.paid[place], self.sold[place] = _seen(self.price[place], self.records[place])

    def first(self, lists: int) -> Offers:
        """The first lists."""
        return Offers(self.price[:lists], self.records[:lists], self.paid[:lists], self.sold[:lists])

    def take(self, lists: slice, rows: Tensor) -> Offers:
        """Some lists of some rows."""
        return Offers(*(part[lists, rows] for part in (self.price, self.records, self.paid, self.sold)))

    def and_these(self, price: Tensor, records: Tensor) -> Offers:
        """These lists, and after them some more ``[S, R, E]``."""
        more = Offers.of(price, records)
        parts = self.__dataclass_fields__
        return Offers(*(torch.cat([getattr(self, name), getattr(more, name)]) for name in parts))


def _seen(price: Tensor, records: Tensor) -> tuple[Tensor, Tensor]:
    """What the search for a favourite sees of offers: price times records, and records (float32)."""
    return torch.where(records > 0, price * records, _NO_OFFER).float(), records.float()


@dataclass(frozen=True)
class Sellers:
    """Owners who choose, one a market and turn.

    Parameters
    ----------
    cost : float64[..., B, E]
        Reported cost of a record, infinite above the privacy budget.
    quantum : float64[B]
        Money unit.
    rough_cost : float32[..., B, E]
        Cost in quanta.
    """

    cost: Tensor
    quantum: Tensor
    rough_cost: Tensor

    @staticmethod
    def of(cost: Tensor, for_sale: Tensor, quantum: Tensor) -> Sellers:
        """Sellers of what is ``for_sale[..., B, E]``."""
        cost = torch.where(for_sale, cost, torch.inf)
        return Sellers(cost, quantum, (cost / quantum[:, None]).clamp(max=_MAX_COST).float())

    def at(self, *place: int | slice) -> Sellers:
        """Those of some place or places in front."""
        return Sellers(self.cost[place], self.quantum, self.rough_cost[place])


@dataclass(frozen=True)
class Sale:
    """What sellers picked, ``[..., R]`` each.

    Parameters
    ----------
    entry : int64
        Counted through all lists from 1; 0 is to sell nothing.
    records : float64
        A whole number.
    payment : float64
        Whole quanta.
    """

    entry: Tensor
    records: Tensor
    payment: Tensor

    @staticmethod
    def joined(sales: Sequence[Sale]) -> Sale:
        """Some sales after another, along the first axis."""
        return Sale(*(torch.cat([getattr(sale, name) for sale in sales]) for name in Sale.__dataclass_fields__))

    def view(self, *shape: int) -> Sale:
        """The same in another shape."""
        return Sale(self.entry.view(shape), self.records.view(shape), self.payment.view(shape))

    def take(self, rows: Tensor) -> Sale:
        """The sales of some rows."""
        return Sale(self.entry[..., rows], self.records[..., rows], self.payment[..., rows])

    def privacy_loss(self, levels: Tensor) -> Tensor:
        """Privacy loss ``float64[...]`` sold, the entries of every list being for sale at ``levels[E]``."""
        return torch.where(self.entry > 0, levels[(self.entry - 1) % len(levels)], 0.0)


def favourite_offer(
    offers: Offers, lists: int, sellers: Sellers, most_paid: Tensor, market: Tensor | None = None
) -> Sale:
    """What a seller likes best on the first ``lists`` lists of every row; of equals the first.

    The answer is that of ``base.favourite`` to the last bit.

    Parameters
    ----------
    offers : Offers [S, R, E]
    lists : int
    sellers : Sellers [B]
    most_paid : float64[R]
        No offer pays more, in quanta.
    market : int64[R], optional
        Whose row it is; by default every market has one.
    """
    cost = sellers.rough_cost if market is None else sellers.rough_cost.index_select(0, market)
    gain = torch.addcmul(offers.paid[:lists], offers.sold[:lists], cost, value=-1)  # [list, row, entry]

    def exactly(doubt: Tensor) -> Tensor:
        whose = doubt if market is None else market[doubt]
        return _favourite_exactly(offers.take(slice(0, lists), doubt), sellers.cost[whose], sellers.quantum[whose])

    chosen, place, entry = _best(gain, most_paid, exactly)
    rows, entries = gain.shape[1:]
    taken = (place * rows + torch.arange(rows)) * entries + entry
    records = torch.where(chosen > 0, offers.records.view(-1).index_select(0, taken), 0.0)
    return Sale(chosen, records, offers.price.view(-1).index_select(0, taken) * records)


def favourites_in_block(
    offers: Offers, records: Tensor, size: Tensor, sellers: Sellers, most_paid: Tensor, market: Tensor
) -> Sale:
    """What each of several sellers who share a turn likes best: ``favourite_offer`` for all of them, ``[M, R]``.

    Parameters
    ----------
    offers : Offers [S, R, E]
        The lists of all turns up to theirs.
    records : float64[R, E]
        Most records on the last list, that of their turn, before anybody's size limits it.
    size : float64[M, R]
        Records that they have.
    sellers : Sellers [M, B]
    most_paid : float64[R]
    market : int64[R]
    """
    lists, rows, entries = offers.price.shape
    parts = []
    for some in torch.split(torch.arange(len(size)), max(1, _ENTRIES // (lists * rows * entries))):
        cost = sellers.rough_cost[some][:, market]  # [member, row, entry]
        own = torch.minimum(records, size[some][..., None])
        gain = torch.empty(lists, *own.shape, dtype=torch.float32)
        torch.addcmul(offers.paid[:-1, None], offers.sold[:-1, None], cost, value=-1, out=gain[:-1])
        torch.addcmul(*_seen(offers.price[-1].expand(own.shape), own), cost, value=-1, out=gain[-1])

        def exactly(doubt: Tensor, some: Tensor = some, own: Tensor = own) -> Tensor:
            member, row = doubt // rows, doubt % rows
            offered = offers.first(lists - 1).take(slice(None), row)
            offered = offered.and_these(offers.price[-1:, row], own[None, member, row])
            cost, quantum = sellers.cost[some[member], market[row]], sellers.quantum[market[row]]
            return _favourite_exactly(offered, cost, quantum)

        chosen, place, entry = _best(gain.flatten(1, 2), most_paid.repeat(len(some)), exactly)
        row, member = torch.arange(rows).repeat(len(some)), torch.arange(len(some)).repeat_interleave(rows)
        most = torch.where(place == lists - 1, own[member, row, entry], offers.records[place, row, entry])
        sold = torch.where(chosen > 0, most, 0.0)
        parts.append(Sale(chosen, sold, offers.price[place, row, entry] * sold).view(len(some), rows))
    return Sale.joined(parts)


def _best(gain: Tensor, most_paid: Tensor, exactly: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The entry of the largest gain ``[S, R, E]`` of every row: counted through all lists, its list, and in that.

    ``exactly`` decides about rows in which the gains, which are rounded, leave a doubt.
    """
    rows, entries = gain.shape[1:]
    best_of_list = gain.amax(dim=-1)  # [list, row]
    best, place = best_of_list.max(dim=0)
    there = gain.view(-1, entries).index_select(0, place * rows + torch.arange(rows))  # [row, entry]
    entry = there.argmax(dim=-1)
    # The second best: on the same list, on another, or to sell nothing.
    there.scatter_(1, entry[:, None], -torch.inf)
    best_of_list.scatter_(0, place[None], there.amax(dim=-1)[None])
    rival = best_of_list.amax(dim=0).clamp_(min=0.0)
    doubt = ((best - rival).abs_() <= (_DOUBT * most_paid).float()).nonzero()[:, 0]
    chosen = torch.where(best > 0, place * entries + entry + 1, 0)
    if len(doubt):
        chosen[doubt] = exactly(doubt)
        place, entry = (chosen - 1).clamp(min=0) // entries, (chosen - 1).clamp(min=0) % entries
    return chosen, place, entry


def _favourite_exactly(offers: Offers, cost: Tensor, quantum: Tensor) -> Tensor:
    """Favourites ``int64[R]`` of a few rows with sellers of ``cost[R, E]``, every gain being rounded once."""
    payment = offers.price * offers.records * quantum[:, None]
    gain = surplus(payment, offers.records, cost.expand(payment.shape))
    gain = torch.where(offers.records > 0, gain, -torch.inf).transpose(0, 1).flatten(1)
    return torch.nn.functional.pad(gain, (1, 0)).argmax(dim=-1)
