"""What a liar would have got by telling the truth, everything else unchanged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Menu
from agents.messages import Bids
from agents.types import OwnerTypes

ENTRIES_AT_ONCE = 1 << 20
"""Bidders times deviators in one batch of reruns."""


def truthful_utility(
    types: OwnerTypes,
    bids: Bids,
    utility: Tensor,
    *,
    auction: Auction,
    budget: Tensor,
    menu: Menu | None,
    generator_state: Tensor | None = None,
) -> Tensor:
    """Utility of every bidder had she alone told the truth: same others, order, budget and lottery.

    Parameters
    ----------
    types : OwnerTypes [1, n]
        Who the bidders really are.
    bids : Bids [1, n]
        What the broker was told.
    utility : float64[1, n]
        What came of it; for those who told the truth this is the answer.
    auction : Auction
        The rule that was run.
    budget : float64[1]
        The round's budget.
    menu : Menu or None
        The round's price lists if the rule has any. They do not depend on the own bid, so that one more choice from
        the same list answers the question; otherwise the auction is run again, one deviator per row of a batch.
    generator_state : uint8[...], optional
        State from which the auction drew, if it drew anything: every rerun then draws the same, one by one.

    Returns
    -------
    float64[1, n]
    """
    liars = misreports(types, bids)[0].nonzero()[:, 0]
    if not len(liars):
        return utility
    truth = types.truthful_bids()
    if menu is not None:
        return torch.where(misreports(types, bids), types.utility(menu.choose(truth)), utility)
    rows_at_once = 1 if generator_state is not None else max(1, ENTRIES_AT_ONCE // types.shape[1])
    result = utility.clone()
    for deviators in liars.split(rows_at_once):
        row = torch.arange(len(deviators))
        deviates = torch.zeros(len(deviators), types.shape[1], dtype=torch.bool)
        deviates[row, deviators] = True
        repeated = _repeated(len(deviators))
        told = bids.take(repeated).where(deviates, truth.take(repeated))
        generator = None
        if generator_state is not None:
            generator = torch.Generator()
            generator.set_state(generator_state)
        outcome = auction.run(told, budget.expand(len(deviators)), generator)
        result[0, deviators] = types.take(repeated).utility(outcome)[row, deviators]
    return result


def misreports(types: OwnerTypes, bids: Bids) -> Tensor:
    """Who said anything but the truth, ``bool[1, n]``: bids compared with types, valuations where they can differ.

    Valuations are compared as curves on a grid of ``COMPARED_AT`` losses up to the own privacy budget unless they
    are one and the same object.
    """
    lies = (bids.privacy_budget != types.privacy_budget) | (bids.data_size != types.data_size)
    if bids.valuation is types.valuation:
        return lies
    share = torch.linspace(0, 1, COMPARED_AT + 1, dtype=torch.float64)[1:]
    grid = types.privacy_budget[..., None] * share
    return lies | (bids.valuation.at(grid) != types.valuation.at(grid)).any(-1)


COMPARED_AT = 16
"""Privacy losses at which two valuations are compared."""


def _repeated(rows: int) -> Any:
    return torch.zeros(rows, dtype=torch.int64)
