"""Prices must not remember: the same question after others, and of a copy that was never asked anything."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace

import torch

from agents.broker.auctions.base import Auction
from agents.broker.checking.calls import Call
from agents.broker.checking.company import strangers
from agents.broker.checking.guarded import FailedCallError, GuardedAuction, fresh_generator


def untouched_copy(auction: Auction) -> Auction | None:
    """A copy of an auction, or None where Python cannot make one."""
    try:
        return copy.deepcopy(auction)
    except Exception:
        return None


def on_a_copy(pristine: object) -> Callable[[Call, torch.Generator], Call]:
    """Ask a new copy of an auction that was never asked anything; sent through ``pickle`` where that is possible."""

    def change(call: Call, generator: torch.Generator) -> Call:
        rule = copy.deepcopy(pristine)
        if bool(torch.rand(1, generator=generator) < 0.5):
            try:
                rule = pickle.loads(pickle.dumps(rule))
            except Exception:
                rule = copy.deepcopy(pristine)
        assert isinstance(rule, Auction)
        return replace(call, rule=rule)

    return change


def after_other_calls(guard: GuardedAuction) -> Callable[[Call, torch.Generator], Call]:
    """Ask the same object about other markets first: of the same shape, of one row, of fewer owners."""

    def change(call: Call, generator: torch.Generator) -> Call:
        batch, owners = call.bids.shape
        rows = torch.randint(batch, (batch,), generator=generator)
        others, budget = strangers(call.bids, call.budget, rows, generator)
        few = others.take(rows=slice(0, 1), owners=slice(0, max(1, owners - 1)))

        def ask(rule: Auction) -> None:
            seed = None if guard.declares_odds else 1
            for bids, money in ((others, budget), (few, budget[:1])):
                try:
                    guard.ask(rule, bids, money, None if seed is None else fresh_generator(seed))
                except FailedCallError:
                    return

        return replace(call, before=(*call.before, ask))

    return change
