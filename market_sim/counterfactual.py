"""What a liar would have got by telling the truth, everything else unchanged."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, MenuAuction
from agents.messages import Bids, Outcome
from agents.types import OwnerTypes

ENTRIES_AT_ONCE = 1 << 20
"""Bidders times deviators in one batch of reruns."""

RERUN_ALL_UP_TO = 1 << 14
"""Bidders times liars up to which the auction is run again for every liar, whatever it is."""

CHECKED = 8
"""Liars of a larger round whose price lists are made again, to see that what they said did not move them."""


def truthful_utility(
    types: OwnerTypes,
    bids: Bids,
    untruthful: Tensor,
    outcome: Outcome,
    *,
    auction: Auction,
    budget: Tensor,
    turn: int = 0,
    generator_state: Tensor | None = None,
    place: Tensor | None = None,
) -> Tensor:
    """Utility of every bidder had she alone told the truth: same others, order, budget and lottery.

    The auction is run again, one deviator per row of a batch. Only in large rounds of an auction with price lists is
    another choice from the round's lists taken for the answer, and only after ``CHECKED`` liars, others in every
    round, have been found to get the same list, to the last bit, for the truth; whoever stayed away is rerun even so,
    because her presence moves the lists of others, and so is whoever appeared under several names.

    Parameters
    ----------
    types : OwnerTypes [1, n]
        Who the bidders really are.
    bids : Bids [1, n]
        What the broker was told.
    untruthful : bool[1, n]
        Whose bid differs from her type.
    outcome : Outcome [1, n]
        What came of it; for those who told the truth its utility is the answer.
    auction : Auction
        The rule that was run.
    budget : float64[1]
        The round's budget.
    turn : int
        Number of the round: it decides which liars are checked.
    generator_state : uint8[...], optional
        State from which the auction drew, if it drew anything: every rerun then draws the same, one by one.
    place : int64[n], optional
        Whose each row of the bids is, if somebody appears in several. ``types`` then hold all she has in one of her
        rows, whose result is the answer, and nothing in the others, as if she had not divided herself.

    Returns
    -------
    float64[1, n]
    """
    result = types.utility(outcome)
    deviators = untruthful[0].nonzero()[:, 0]
    if not len(deviators):
        return result
    truth = types.truthful_bids()
    place = torch.arange(types.shape[1]) if place is None else place
    stays = bids.present[0] & (place.bincount()[place] == 1)
    if (
        isinstance(auction, MenuAuction)
        and generator_state is None
        and deviators.numel() * types.shape[1] > RERUN_ALL_UP_TO
    ):
        listed = deviators[stays[deviators]]
        chosen = _own_choice(truth, bids, listed, outcome, auction=auction, budget=budget, turn=turn)
        if chosen is not None:
            result[0, listed] = types.utility(chosen)[0, listed]
            deviators = deviators[~stays[deviators]]
    rows_at_once = 1 if generator_state is not None else max(1, ENTRIES_AT_ONCE // types.shape[1])
    for some in torch.split(deviators, rows_at_once):
        generator = None
        if generator_state is not None:
            generator = torch.Generator()
            generator.set_state(generator_state)
        told = _alone_truthful(truth, bids, some, place)
        rerun = auction.run(told, budget.expand(len(some)), generator)
        row = torch.arange(len(some))
        result[0, some] = types.take(torch.zeros_like(row)).utility(rerun)[row, some]
    return result


def _alone_truthful(truth: Bids, bids: Bids, deviators: Tensor, place: Tensor) -> Bids:
    """The round's bids ``[L, n]``, in every row of which one deviator tells the truth, whatever her names are."""
    deviates = place[deviators][:, None] == place
    repeated = torch.zeros(len(deviators), dtype=torch.int64)
    return truth.take(repeated).where(deviates, bids.take(repeated))


def _own_choice(
    truth: Bids, bids: Bids, deviators: Tensor, outcome: Outcome, *, auction: MenuAuction, budget: Tensor, turn: int
) -> Outcome | None:
    """What everybody's true self picks from the round's price lists; None if those do not answer for ``deviators``."""
    if not len(deviators):
        return None
    checked = deviators[(turn * CHECKED + torch.arange(min(CHECKED, len(deviators)))) % len(deviators)]
    row = torch.arange(len(checked))
    menu = auction.price_list(bids, budget)
    again = auction.price_list(
        _alone_truthful(truth, bids, checked, torch.arange(bids.shape[1])), budget.expand(len(checked))
    )
    moved = any(
        not torch.equal(getattr(menu, part)[0, checked], getattr(again, part)[row, checked])
        for part in ("privacy_loss", "price", "records")
    )
    picked = menu.choose(bids)
    other = any(
        not torch.equal(getattr(picked, part), getattr(outcome, part))
        for part in ("privacy_loss", "payment", "data_size")
    )
    return None if moved or other else menu.choose(truth)
