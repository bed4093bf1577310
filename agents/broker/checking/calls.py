"""One question to an auction, and everything about the asking that must not matter to the answer.

A ``Call`` asks about some markets. The ways in which it can be asked differently (``ways``) change the call, never
the markets: other rows beside them, absent owners among theirs, another form of the same curves, another generator.
``answer`` undoes the change, so that answers can be compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, MenuAuction
from agents.broker.checking.guarded import SEED, GuardedAuction, fresh_generator
from agents.messages import Bids

Answer = list[Tensor]
"""Everything an auction says about the markets asked about, each ``[rows, owners, ...]``."""


OUTCOME, LISTS = 3, 3
"""Arrays of an outcome, and of price lists."""


@dataclass(frozen=True)
class Call:
    """A question and how it is put.

    Parameters
    ----------
    rule : Auction
        The auction or a copy of it.
    bids : Bids [B, n]
    budget : float64[B]
    rows, owners : int64[...]
        Where the markets asked about, and their owners, stand in the bids.
    seed : int or None
        Of the generator handed over; None for none.
    alone : bool
        Ask about one market at a time.
    before : tuple of callables
        What else is asked of the rule first.
    around : tuple of callables
        Contexts in which it is asked.
    """

    rule: Auction
    bids: Bids
    budget: Tensor
    rows: Tensor
    owners: Tensor
    seed: int | None = SEED
    alone: bool = False
    before: tuple[Callable[[Auction], None], ...] = ()
    around: tuple[Callable[[], AbstractContextManager[object]], ...] = field(default=())

    @staticmethod
    def of(guard: GuardedAuction, bids: Bids, budget: Tensor) -> Call:
        """The plain question: the object itself, a generator as in the market, all rows as they stand."""
        seed = None if guard.declares_odds else SEED
        return Call(guard.auction, bids, budget, torch.arange(bids.shape[0]), torch.arange(bids.shape[1]), seed)


def answer(guard: GuardedAuction, call: Call, *, lists: bool = False) -> Answer:
    """What the auction says about the markets asked about; the odds of a lottery, and price lists on request.

    Owners who were put in are absent: a last entry counts how many numbers of theirs are not 0.
    """
    for ask_first in call.before:
        ask_first(call.rule)
    with ExitStack() as contexts:
        for context in call.around:
            contexts.enter_context(context())
        if call.alone:
            rows = [call.rows[i : i + 1] for i in range(len(call.rows))]
            parts = [_ask(guard, call, call.bids.take(rows=row), call.budget[row], lists) for row in rows]
            said = [torch.cat(pieces) for pieces in zip(*parts, strict=True)]
        else:
            said = [array[call.rows] for array in _ask(guard, call, call.bids, call.budget, lists)]
    put_in = torch.ones(call.bids.shape[1], dtype=torch.bool)
    put_in[call.owners] = False
    outcome = said[:OUTCOME]
    strangers_got = sum(int((array[:, put_in] != 0).sum()) for array in outcome)
    return [array[:, call.owners] for array in said] + [torch.tensor([[strangers_got]])]


def _ask(guard: GuardedAuction, call: Call, bids: Bids, budget: Tensor, lists: bool) -> Answer:
    generator = None if call.seed is None else fresh_generator(call.seed)
    outcome = guard.ask(call.rule, bids, budget, generator)
    said = [outcome.privacy_loss, outcome.payment, outcome.data_size]
    if guard.declares_odds:
        odds = call.rule.lottery(bids, budget)  # type: ignore[attr-defined]
        said += [getattr(odds, part.name) for part in fields(odds)]
    elif lists and isinstance(call.rule, MenuAuction):
        menu = call.rule.price_list(bids, budget)
        said += [menu.privacy_loss, menu.price, menu.records]
    return said


def differing(one: Answer, other: Answer) -> int:
    """How many numbers of two answers are not the same; all of them where they do not even have one shape.

    Price lists are the same if they offer the same: what is padded with entries that sell nothing does not count.
    """
    count = sum(
        int((first != second).sum()) if first.shape == second.shape else max(first.numel(), second.numel(), 1)
        for first, second in zip(one, other, strict=True)
    )
    if not count or len(one) != OUTCOME + LISTS + 1:
        return count
    rest = [(*answer[:OUTCOME], answer[-1]) for answer in (one, other)]
    offers = [torch.stack([part.double() for part in answer[OUTCOME:-1]], dim=-1) for answer in (one, other)]
    return differing(list(rest[0]), list(rest[1])) + _other_offers(*offers)


def _other_offers(one: Tensor, other: Tensor) -> int:
    """In how many lists ``[rows, owners, K, 3]`` of privacy loss, price and records something else is for sale."""
    count = 0
    for first, second in zip(one.flatten(0, 1), other.flatten(0, 1), strict=True):
        sold = [offers[(offers[:, 0] > 0) & (offers[:, 2] > 0)].unique(dim=0) for offers in (first, second)]
        count += not torch.equal(*sold)
    return count
