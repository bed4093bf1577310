"""What a deviator would have got by telling the truth, everything else unchanged."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, MenuAuction
from agents.messages import Bids, Outcome
from agents.owner.identities import Identities
from agents.types import OwnerTypes

ENTRIES_AT_ONCE = 1 << 20
"""Bidders times deviators in one batch of reruns."""

RERUN_ALL_UP_TO = 1 << 14
"""Bidders times deviators up to which the auction is run again for every deviator, whatever it is."""

CHECKED = 8
"""Deviators of a larger round whose price lists are made again, to see that their bids did not move them."""


def truthful_utility(
    types: OwnerTypes,
    identities: Identities,
    bids: Bids,
    untruthful: Tensor,
    outcome: Outcome,
    *,
    auction: Auction,
    budget: Tensor,
    round: int = 0,
    generator_state: Tensor | None = None,
) -> Tensor:
    """Utility of every bidder had she alone told the truth: same others, order, budget and lottery.

    The auction is run again, one deviator per row of a batch. Only in large rounds of an auction with price lists is
    another choice from the round's lists taken for the answer, and only after ``CHECKED`` deviators, others in every
    round, have been found to get the same list, to the last bit, for the truth. Two kinds are rerun even so: whoever
    stayed away, because her presence moves the lists of others, and whoever had several identities.

    Parameters
    ----------
    types : OwnerTypes [1, n]
        Who the bidders really are.
    identities : Identities
        Whose each row of the bids is. An owner of several tells the truth under her first one, all others absent.
    bids : Bids [1, r]
        As they reached the broker.
    untruthful : bool[1, r]
        Rows of bidders who did not tell the truth.
    outcome : Outcome [1, r]
        What came of it; for those who told the truth its utility is the answer.
    auction : Auction
        The rule that was run.
    budget : float64[1]
        The round's budget.
    round : int
        It decides which deviators are checked.
    generator_state : uint8[...], optional
        State from which the auction drew, if it drew anything: every rerun then draws the same, one by one.

    Returns
    -------
    float64[1, n]
    """
    place, first = identities.place, identities.first
    types = identities.merged(types)  # [1, r]
    utility = types.utility(outcome)
    truth = types.truthful_bids()
    deviators = first[untruthful[0, first]]  # [D], as rows of the bids
    if isinstance(auction, MenuAuction) and generator_state is None and len(deviators) * len(place) > RERUN_ALL_UP_TO:
        on_lists = bids.present[0, deviators] & ~identities.has_multiple[place[deviators]]
        listed = deviators[on_lists]
        chosen = _own_choice(truth, bids, listed, outcome, auction=auction, budget=budget, round=round)
        if chosen is not None:
            utility[0, listed] = types.utility(chosen)[0, listed]
            deviators = deviators[~on_lists]
    # A lottery draws one number after the other for a whole batch; alone, every rerun draws what the round drew.
    rows_at_once = 1 if generator_state is not None else max(1, ENTRIES_AT_ONCE // max(1, len(place)))
    for some in torch.split(deviators, rows_at_once):
        truthful = place[some][:, None] == place  # [deviator, r]
        rerun = outcome_if_truthful(truth, bids, truthful, auction, budget, generator_state)
        row = torch.arange(len(some))
        utility[0, some] = types.take(torch.zeros_like(row)).utility(rerun)[row, some]
    return utility[:, first]


def outcome_if_truthful(
    truth: Bids, bids: Bids, truthful: Tensor, auction: Auction, budget: Tensor, generator_state: Tensor | None = None
) -> Outcome:
    """What the auction decides if some tell the truth and all others bid as they did.

    Parameters
    ----------
    truth, bids : Bids [1, r]
    truthful : bool[B, r]
        Who tells the truth, in each of B reruns.
    auction : Auction
    budget : float64[1]
    generator_state : uint8[...], optional
        State from which the auction drew, if it drew anything; B is 1 then.

    Returns
    -------
    Outcome [B, r]
    """
    generator = None
    if generator_state is not None:
        generator = torch.Generator()
        generator.set_state(generator_state)
    return auction.run(_with_truth(truth, bids, truthful), budget.expand(len(truthful)), generator)


def _with_truth(truth: Bids, bids: Bids, truthful: Tensor) -> Bids:
    """The round's bids ``[B, r]``, the truth where ``truthful[B, r]`` holds."""
    repeated = torch.zeros(len(truthful), dtype=torch.int64)
    return truth.take(repeated).where(truthful, bids.take(repeated))


def _own_choice(
    truth: Bids, bids: Bids, deviators: Tensor, outcome: Outcome, *, auction: MenuAuction, budget: Tensor, round: int
) -> Outcome | None:
    """What everybody's true self picks from the round's price lists; None if those do not answer for ``deviators``."""
    if not len(deviators):
        return None
    checked = deviators[(round * CHECKED + torch.arange(min(CHECKED, len(deviators)))) % len(deviators)]
    row = torch.arange(len(checked))
    menu = auction.price_list(bids, budget)  # [1, r, level]
    alone = checked[:, None] == torch.arange(bids.shape[1])  # [checked, r]
    again = auction.price_list(_with_truth(truth, bids, alone), budget.expand(len(checked)))  # [checked, r, level]
    moved = any(
        not torch.equal(getattr(menu, part)[0, checked], getattr(again, part)[row, checked])
        for part in ("privacy_loss", "price", "records")
    )
    # A rule whose outcome is not its own owners' choice says nothing by its lists.
    picked = menu.choose(bids)
    other = any(
        not torch.equal(getattr(picked, part), getattr(outcome, part))
        for part in ("privacy_loss", "payment", "data_size")
    )
    return None if moved or other else menu.choose(truth)
