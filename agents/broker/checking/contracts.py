"""What every auction must keep, as counts of numbers that differ where two ways of asking must give the same bits."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from agents.broker.auctions.base import Menu
from agents.messages import Bids, Outcome
from agents.misreports.search import Rule, alone


class MenuRule(Rule, Protocol):
    """Anything that has price lists as well."""

    def price_list(self, bids: Bids, budget: Any, /) -> Menu:
        """Everybody's price list ``[B, n, K]``."""
        ...


def deterministic(auction: Rule, bids: Bids, budget: Tensor) -> int:
    """The same bids once more."""
    return _differences(auction.run(bids, budget), auction.run(bids, budget))


def row_order(auction: Rule, bids: Bids, budget: Tensor) -> int:
    """Rows in the opposite order, and the first three one by one: markets of a batch do not touch one another."""
    outcome = auction.run(bids, budget)
    back = torch.arange(len(budget)).flip(0)
    count = _differences(part_of(outcome, back), auction.run(bids.take(rows=back), budget[back]))
    for row in range(min(3, len(budget))):
        here = slice(row, row + 1)
        count += _differences(part_of(outcome, here), auction.run(bids.take(rows=here), budget[here]))
    return count


def absent_owners(auction: Rule, bids: Bids, budget: Tensor) -> int:
    """Some owners offer no record: the rest must get what they get when those are not listed, and those nothing."""
    owners = bids.shape[1]
    place = torch.arange(owners)
    count = 0
    for gone in (place == 0, place == owners - 1, place % 2 == 0, place % 3 != 1, place >= 0):
        outcome = auction.run(bids.replace(data_size=torch.where(gone, 0, bids.data_size)), budget)
        count += _differences(_owners(outcome, gone), Outcome.nothing(len(budget), int(gone.sum())))
        if bool((~gone).any()):
            removed = auction.run(bids.take(owners=~gone), budget)
            count += _differences(_owners(outcome, ~gone), removed)
    return count


def run_is_choice(auction: MenuRule, bids: Bids, budget: Tensor) -> int:
    """``run`` against the choice from the price list, and owners on whose list "nothing for nothing" is missing."""
    return other_than_chosen(auction.run(bids, budget), auction.price_list(bids, budget), bids)


def other_than_chosen(outcome: Outcome, menu: Menu, bids: Bids) -> int:
    """Numbers of an outcome that are not those of the choices from the lists, and lists without nothing for nothing."""
    nothing = (menu.privacy_loss == 0) & (menu.price * menu.records == 0)
    return _differences(outcome, menu.choose(bids)) + int((~nothing.any(dim=-1)).sum())


def own_list(auction: MenuRule, truth: Bids, misreports: Bids, budget: Tensor) -> int:
    """Everybody's own list when she alone lies against the one when she does not; staying away is not asked for."""
    row, deviator = (truth.present & misreports.present).nonzero(as_tuple=True)
    if not len(row):
        return 0
    honest = auction.price_list(truth, budget)
    lied = auction.price_list(alone(truth, misreports, row, deviator), budget[row])
    mine = torch.arange(len(row)), deviator
    return sum(
        int((getattr(honest, part)[row, deviator] != getattr(lied, part)[mine]).sum())
        for part in Menu.__dataclass_fields__
    )


def _differences(one: Outcome, other: Outcome) -> int:
    return sum(int((getattr(one, part) != getattr(other, part)).sum()) for part in Outcome.__dataclass_fields__)


def part_of(outcome: Outcome, rows: Tensor | slice) -> Outcome:
    """The outcome of some markets."""
    return Outcome(
        privacy_loss=outcome.privacy_loss[rows], payment=outcome.payment[rows], data_size=outcome.data_size[rows]
    )


def _owners(outcome: Outcome, owners: Tensor) -> Outcome:
    return Outcome(
        privacy_loss=outcome.privacy_loss[:, owners],
        payment=outcome.payment[:, owners],
        data_size=outcome.data_size[:, owners],
    )
