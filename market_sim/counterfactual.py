"""What a liar would have got by telling the truth, everything else unchanged."""

from __future__ import annotations

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
    untruthful: Tensor,
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
    untruthful : bool[1, n]
        Whose bid differs from her type.
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
    liars = untruthful[0].nonzero()[:, 0]
    if not len(liars):
        return utility
    truth = types.truthful_bids()
    if menu is not None:
        return torch.where(untruthful, types.utility(menu.choose(truth)), utility)
    rows_at_once = 1 if generator_state is not None else max(1, ENTRIES_AT_ONCE // types.shape[1])
    result = utility.clone()
    for deviators in torch.split(liars, rows_at_once):
        row = torch.arange(len(deviators))
        deviates = torch.zeros(len(deviators), types.shape[1], dtype=torch.bool)
        deviates[row, deviators] = True
        repeated = torch.zeros(len(deviators), dtype=torch.int64)
        told = truth.take(repeated).where(deviates, bids.take(repeated))
        generator = None
        if generator_state is not None:
            generator = torch.Generator()
            generator.set_state(generator_state)
        outcome = auction.run(told, budget.expand(len(deviators)), generator)
        result[0, deviators] = types.take(repeated).utility(outcome)[row, deviators]
    return result
