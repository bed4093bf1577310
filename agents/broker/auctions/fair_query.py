"""FairQuery: the cheapest owners, all at one privacy loss and for one payment, compared by what all of theirs costs."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.single_minded import equal_share, offers
from agents.messages import Bids, Outcome


class FairQuery(Auction):
    """Owners by the cost c of all records at the own privacy budget; the first k sell at (largest budget) / (n - k).

    Of n bidders the longest prefix wins, at most n - 1, in which the k-th costs at most B / k and nobody's privacy
    budget is below the common privacy loss. Everybody in it is paid min(B / k, c of the next).

    Individually rational and budget feasible, and nothing else. It is published as truthful in the valuation, and
    would be if selling cost an owner what she is ranked by. But a winner gives up less than her own privacy budget:
    a loser who understates her cost can win, be paid more than *that* privacy is worth to her, and gain. Understating
    the privacy budget can pay too, since the largest one sets the common privacy loss, and any winner's can forbid it.
    One bidder with next to no privacy budget, being cheap, comes first and stops the trade.

    Source: Ghosh and Roth, "Selling privacy at auction", EC 2011, in the form that the authors of FL-Market compare
    with (their code; there c is the cost at the own privacy budget and n - 1 winners the most).
    """

    name = "fair-query"
    guarantees = Guarantees()
    anonymous = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Find the longest prefix that money and privacy budgets carry."""
        owners = bids.shape[1]
        offered = offers(bids, budget)
        ask, order = offered.ask.sort(dim=-1, stable=True)
        count = torch.arange(1, owners + 1)
        losers = bids.present.sum(dim=-1, keepdim=True) - count
        largest = torch.where(bids.present, bids.privacy_budget, 0.0).amax(dim=-1, keepdim=True)
        loss = largest / losers.clamp(min=1)
        share = equal_share(offered.budget[:, None], offered.quantum[:, None], count)
        tolerated = bids.privacy_budget.gather(-1, order).cummin(dim=-1).values
        # Asks, losses and losers only get worse along a row, shares and tolerance smaller: always a prefix.
        carried = (ask <= share) & (loss <= tolerated) & (losers >= 1)
        sellers = carried.sum(dim=-1, keepdim=True)
        last = (sellers - 1).clamp(min=0)
        payment = torch.minimum(share.gather(-1, last), ask.gather(-1, sellers.clamp(max=owners - 1)))
        wins = torch.zeros_like(carried).scatter(-1, order, carried)
        return offered.sold(wins, payment, loss.gather(-1, last))
