"""The residual-budget menu: everybody chooses at once from price lists that the others leave money for.

Public price lists run from poor to rich, each paying for everything at least what the one before pays. P_s(x) is what
list s pays for entry x, a lot of records at a privacy loss. Given a list, owner j would take her favourite entry, and
e_j(s) is the most she would be paid that way by any list up to s. Owner i's own list offers every entry x by the
richest list s that the others leave money for, sum over j != i of e_j(s) + P_s(x) <= B. She gets her favourite.

*Truthful* in valuation, privacy budget and data size, and individually rational: her list depends on the others and
on the budget alone, and nothing for nothing is on it. *Budget feasible*: say j takes x by list s. Either x would be a
favourite of hers given list s alone, and e_j(s) counts it (of several favourites, the one that pays most). Or she would
like y better, and then y pays no less than x: otherwise it would be affordable there too and so on her own list for at
least P_s(y), and she would not take x. So she is paid at most e_j(s) in any case. Let i be a seller with the richest
list s*: everybody else is paid at most e_j(s*), and all of them together with i at most B.

In floating point, rounding may make her like x as much as her favourite y although she does not. Gains of entries not
worth a loss are off by less than 2^-51 of what the two pay. As favourite counts what is best when everything pays a
2^-26 more, so that x pays at most a 2^-24 more than y, and e_j(s) is raised by a 2^-23. What sums may lose to rounding
is kept back from the budget beforehand.

Source: ours; with one price per unit of a public score and all-or-nothing owners it is Singer's proportional share
("Budget feasible mechanisms", FOCS 2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, MIN_WEIGHT, Guarantees, MenuAuction, check_budget
from agents.broker.auctions.checkpoint import open_checkpoint
from agents.broker.auctions.parts.lot_menu import LotMenu, first_favourite
from agents.broker.auctions.parts.nested_prices import LearnedPrices, NestedPrices, PriceShape
from agents.messages import Bids, Outcome
from agents.units import PublicUnits

_BATCH_ENTRIES = 100_000
"""Entries computed in one batch: arrays of them fit a cache."""
_CACHED_TABLES = 32
"""Buckets whose price tables are kept."""


class ResidualMenu(MenuAuction):
    """Residual-budget menu with private data sizes.

    Parameters
    ----------
    units : PublicUnits, optional
        Public units of the market at hand; by default those of training.
    checkpoint : Path, optional
        By default the shipped one.
    prices : NestedPrices, optional
        Instead of a checkpoint.
    """

    name = "residual-menu"
    guarantees = Guarantees(truthful_in=FIELDS)

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        prices: NestedPrices | None = None,
    ) -> None:
        self.card = None
        if prices is None:
            shape, self.card = open_checkpoint(
                self.name, checkpoint, lambda tensors: PriceShape(**tensors), "the shape of price lists"
            )
            units = units or self.card.units
            prices = LearnedPrices(shape, units)
        super().__init__(units)
        self.prices = prices
        self._tables: dict[tuple[int, int], _PriceTable] = {}

    def price_list(self, bids: Bids, budget: Any) -> LotMenu:
        """Everybody's price list ``[B, n, 1 + M K]``: nothing, then lot by lot every level."""
        loss, records = _entries(self.prices)
        price = torch.zeros(*bids.shape, len(loss), dtype=torch.float64)  # [batch, owner, entry]
        for table, bidders, left in self._markets(bids, check_budget(bids, budget)):
            for some, _ in bidders.in_batches(table, 1, all_entries=True):
                price[bidders.row[some], bidders.owner[some]] = table.offered(left[some], len(loss))
        shape = (*bids.shape, -1)
        return LotMenu(privacy_loss=loss.expand(shape), price=price, records=records.expand(shape))

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Everybody's choice from her list, without writing down what she could not take."""
        loss, records = _entries(self.prices)
        choice = torch.zeros(bids.shape, dtype=torch.int64)
        payment = torch.zeros(bids.shape, dtype=torch.float64)
        for table, bidders, left in self._markets(bids, budget):
            for some, count in bidders.in_batches(table, 1):
                total = table.offered(left[some], count) * records[:count]  # [bidder, entry]
                best = first_favourite(total, records[:count], bidders.value(table, some, count))
                place = bidders.row[some], bidders.owner[some]
                choice[place], payment[place] = best[:, 0], total.gather(-1, best)[:, 0]
        return Outcome(privacy_loss=loss[choice], payment=payment, data_size=records[choice])

    def _markets(self, bids: Bids, budget: Tensor) -> Iterator[tuple[_PriceTable, _Bidders, Tensor]]:
        """Markets with the same public price lists, those lists, and what others leave to everybody ``[N, G]``."""
        count = bids.present.sum(dim=-1)  # [batch]
        # Sums of n terms, here or of the payments later, are off by less than this share of the whole.
        budget_left = torch.where(budget >= MIN_WEIGHT, budget, 0.0) * (1 - (count.double() + 4) * 2.0**-51)
        buckets, bucket_of = self.prices.bucket(budget, count).unique(  # type: ignore[no-untyped-call]
            dim=0, return_inverse=True
        )
        for number, (first, second) in enumerate(buckets.tolist()):
            rows = (bucket_of == number).nonzero()[:, 0]  # [market]
            table = self._table((first, second))
            bidders = _Bidders.of(bids.take(rows=rows), table)
            unique, inverse = bidders.unique()
            supply = torch.zeros(len(unique.reach), len(table.price), dtype=torch.float64)  # [unique bidder, list]
            for some, entries in unique.in_batches(table, len(table.price)):
                supply[some] = unique.supply(table, some, entries)
            paid = torch.zeros(len(rows), bids.shape[1], len(table.price), dtype=torch.float64)  # [market, owner, list]
            paid[bidders.row, bidders.owner] = supply[inverse]
            left = budget_left[rows, None, None] - _sums_of_others(paid)
            yield table, replace(bidders, row=rows[bidders.row]), left[bidders.row, bidders.owner]

    def _table(self, bucket: tuple[int, int]) -> _PriceTable:
        """The public lists of a bucket; the last few are kept, for markets of many rounds."""
        if bucket not in self._tables:
            if len(self._tables) >= _CACHED_TABLES:
                del self._tables[next(iter(self._tables))]
            self._tables[bucket] = _PriceTable.at(self.prices, bucket)
        return self._tables[bucket]


@dataclass(frozen=True)
class _PriceTable:
    """Public price lists, entry by entry.

    Parameters
    ----------
    prices : NestedPrices
    records : int64[X]
    price : float64[G, X]
        Money per record.
    total : float64[2^j, X]
        Money for the whole entry; beyond the last list nobody could afford anything.
    """

    prices: NestedPrices
    records: Tensor
    price: Tensor
    total: Tensor

    @staticmethod
    def at(prices: NestedPrices, bucket: tuple[int, int]) -> _PriceTable:
        price = torch.nn.functional.pad(prices.lists(bucket).flatten(1), (1, 0))  # [list, entry]
        unaffordable = (1 << (len(price) - 1).bit_length()) - len(price)
        records = _entries(prices)[1]
        total = torch.nn.functional.pad(price * records, (0, 0, 0, unaffordable), value=torch.inf)
        return _PriceTable(prices, records, price, total)

    def offered(self, left: Tensor, count: int) -> Tensor:
        """Money per record ``[N, count]`` by the richest list for which each entry costs at most ``left[N, G]``."""
        total = self.total[:, :count]  # [list, entry]
        left = torch.nn.functional.pad(left, (0, len(total) - left.shape[-1]))  # [bidder, list]
        # Lists pay ever more and leave ever less: the affordable ones are the first so many, found by bisection.
        richest = torch.zeros(len(left), count, dtype=torch.int64)  # [bidder, entry]
        step = len(total) // 2
        while step:
            richer = richest + step
            richest += step * (total.gather(0, richer) <= left.gather(-1, richer))
            step //= 2
        return self.price[:, :count].gather(0, richest)


@dataclass(frozen=True)
class _Bidders:
    """Owners of several markets in one row, those first who have the fewest lots to sell.

    Parameters
    ----------
    row, owner : int64[N]
        Who this is.
    reach : int64[N]
        How many of the lots she could sell.
    unit_cost : float64[N, K]
        Reported cost per record by level; infinite beyond her privacy budget.
    """

    row: Tensor
    owner: Tensor
    reach: Tensor
    unit_cost: Tensor

    @staticmethod
    def of(bids: Bids, table: _PriceTable) -> _Bidders:
        levels, lots = table.prices.levels, table.prices.lots
        forbidden = levels > bids.privacy_budget[..., None]  # [market, owner, level]
        unit_cost = torch.where(forbidden, torch.inf, bids.valuation.tabulate(levels)).flatten(0, 1)
        reach, order = torch.searchsorted(lots, bids.data_size.flatten(), right=True).sort(stable=True)
        batch, owners = bids.shape
        row = torch.arange(batch).repeat_interleave(owners)
        return _Bidders(row[order], torch.arange(owners).repeat(batch)[order], reach, unit_cost[order])

    def unique(self) -> tuple[_Bidders, Tensor]:
        """One bidder for each distinct report, and the inverse index ``int64[N]``: whose report each bidder's is.

        Counterfactuals ask many times what the same others would do.
        """
        report = torch.cat([self.reach[:, None].double(), self.unit_cost], dim=-1).numpy()  # [bidder, 1 + level]
        # Compared as bytes, which is one comparison per bidder instead of one per number.
        as_bytes = report.view(np.dtype((np.void, report.itemsize * report.shape[1])))[:, 0]
        first, inverse = np.unique(as_bytes, return_index=True, return_inverse=True)[1:]
        # Back in the order of their reach, which the order of bytes is not.
        chosen, order = torch.from_numpy(first).sort()
        bidders = _Bidders(self.row[chosen], self.owner[chosen], self.reach[chosen], self.unit_cost[chosen])
        return bidders, order.argsort()[torch.from_numpy(inverse)]

    def in_batches(self, table: _PriceTable, times: int, *, all_entries: bool = False) -> Iterator[tuple[slice, int]]:
        """Slices of bidders for work on ``times`` numbers per entry, and how many of the entries it has to look at.

        Counted from the first, these are all that anybody of the slice could sell, or simply all.
        """
        levels, lots = len(table.prices.levels), len(table.prices.lots)
        stop = len(self.reach)
        while stop:
            count = 1 + levels * (lots if all_entries else int(self.reach[stop - 1]))
            start = max(0, stop - max(1, _BATCH_ENTRIES // (count * times)))
            yield slice(start, stop), count
            stop = start

    def value(self, table: _PriceTable, some: slice, count: int) -> Tensor:
        """Reported cost per record ``[N, count]`` of the first entries; infinite where not hers to sell."""
        lots = (count - 1) // len(table.prices.levels)
        beyond = torch.arange(lots) >= self.reach[some, None]  # [bidder, lot]
        value = torch.where(beyond[..., None], torch.inf, self.unit_cost[some, None, :])  # [bidder, lot, level]
        return torch.nn.functional.pad(value.flatten(1), (1, 0))

    def supply(self, table: _PriceTable, some: slice, count: int) -> Tensor:
        """The most ``[N, G]`` that each would be paid for a favourite entry by any list up to this one."""
        total = table.total[: len(table.price), :count]  # [list, entry]
        cost = torch.where(table.records[:count] > 0, table.records[:count] * self.value(table, some, count), 0.0)
        # Better paid entries count 2^-26 more: then none that she likes as well but for rounding pays her noticeably
        # more than the one found (the module's docstring has the proof).
        liking = total * (1 + 2.0**-26) - cost[:, None, :]  # [bidder, list, entry]
        favourite = liking.max(dim=-1, keepdim=True).indices
        paid = total.expand(len(cost), -1, -1).gather(-1, favourite)[..., 0]  # [bidder, list]
        return (paid * (1 + 2.0**-23)).cummax(dim=-1).values


def _entries(prices: NestedPrices) -> tuple[Tensor, Tensor]:
    """Privacy loss and records ``[1 + M K]`` of every entry: nothing, then lot by lot every level."""
    loss = torch.nn.functional.pad(prices.levels.repeat(len(prices.lots)), (1, 0))
    records = torch.nn.functional.pad(prices.lots.repeat_interleave(len(prices.levels)), (1, 0))
    return loss, records


def _sums_of_others(paid: Tensor) -> Tensor:
    """Sums over all owners but one ``[B, n, G]``, by adding only: subtracting her would leave her last bits behind."""
    before = torch.nn.functional.pad(paid.cumsum(dim=1)[:, :-1], (0, 0, 1, 0))
    after = torch.nn.functional.pad(paid.flip(1).cumsum(dim=1)[:, :-1], (0, 0, 1, 0)).flip(1)
    return before + after
