"""The same markets among others: other rows of the batch, another order, alone, absent owners among their own."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agents.broker.checking.calls import Call
from agents.messages import Bids

COMPANY: tuple[int, ...] = (1, 2, 7, 60)
"""How many other markets are put among those asked about."""
MAX_BIDS = 20_000
"""Bids in such a batch: of large markets fewer are put in."""


def strangers(bids: Bids, budget: Tensor, rows: Tensor, generator: torch.Generator) -> tuple[Bids, Tensor]:
    """Markets of the same form as given ones that are others: sizes, costs and budgets scaled at random."""
    taken = bids.take(rows=rows, owners=torch.randperm(bids.shape[1], generator=generator))
    draw = torch.rand(3, *taken.shape, generator=generator, dtype=torch.float64)
    other = Bids(
        valuation=taken.valuation.scaled(0.2 + 2 * draw[0]),
        privacy_budget=taken.privacy_budget * (0.3 + 0.7 * draw[1]),
        data_size=(taken.data_size.double() * (0.2 + 0.8 * draw[2])).ceil().long(),
    )
    factor = 3 * torch.rand(len(rows), generator=generator, dtype=torch.float64)
    return other, (budget[rows] * factor).clamp(max=1e300)


def reversed_rows(call: Call, _: torch.Generator) -> Call:
    """All rows in the opposite order."""
    back = torch.arange(call.bids.shape[0]).flip(0)
    return replace(call, bids=call.bids.take(rows=back), budget=call.budget[back], rows=len(back) - 1 - call.rows)


def one_market_at_a_time(call: Call, _: torch.Generator) -> Call:
    """Every market as a batch of its own."""
    return replace(call, alone=True)


def among_others(call: Call, generator: torch.Generator) -> Call:
    """A few markets more, anywhere in the batch."""
    others = COMPANY[int(torch.randint(len(COMPANY), (1,), generator=generator))]
    return in_company(call, min(others, max(1, MAX_BIDS // call.bids.shape[1])), generator)


def in_company(call: Call, others: int, generator: torch.Generator) -> Call:
    """``others`` markets more, the markets asked about standing anywhere among them in their order."""
    batch = call.bids.shape[0]
    if not batch:
        return call
    filled = torch.randint(batch, (others,), generator=generator)
    place = torch.randperm(batch + others, generator=generator)[:batch].sort().values
    index = torch.zeros(batch + others, dtype=torch.int64)
    mine = torch.zeros(batch + others, dtype=torch.bool)
    mine[place] = True
    index[mine], index[~mine] = torch.arange(batch), filled
    other, budget = strangers(call.bids, call.budget, index, generator)
    own = mine[:, None].expand(-1, call.bids.shape[1])
    return replace(
        call,
        bids=call.bids.take(rows=index).where(own, other),
        budget=torch.where(mine, call.budget[index], budget),
        rows=place[call.rows],
    )


def absent_between(call: Call, generator: torch.Generator) -> Call:
    """One to three owners without a record more, anywhere in the list."""
    owners = call.bids.shape[1]
    more = int(torch.randint(1, 4, (1,), generator=generator))
    place = torch.randperm(owners + more, generator=generator)[:owners].sort().values
    index = torch.randint(owners, (owners + more,), generator=generator)
    index[place] = torch.arange(owners)
    there = torch.zeros(owners + more, dtype=torch.bool)
    there[place] = True
    listed = call.bids.take(owners=index)
    bids = listed.replace(data_size=torch.where(there, listed.data_size, 0))
    return replace(call, bids=bids, owners=place[call.owners])
