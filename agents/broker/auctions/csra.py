"""CSRA: owners by quality per cost, paid the first refused owner's cost per quality."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids, Outcome


class CSRA(Auction):
    """Client selection with reverse auction: quality is the share of all privacy budgets times that of all records.

    Owners by quality over cost, q / b, with b the cost of all records at the own privacy budget. The first k win, k
    being the largest with (b / q of the next) times (their qualities) at most B; each is paid (b / q of the next)
    times her own quality and sells at min(1 / (n - k), her privacy budget), n counting all bidders.

    Individually rational and budget feasible, and nothing else. A critical payment is truthful where one wins all or
    nothing. Here a winner is ranked and paid by her own privacy budget and sells at most 1 / (n - k): a loser who
    understates her cost can win and gain, and understating privacy budget or data size can pay as well. The shares'
    denominators are the same for everybody and cancel.

    Source: the CSRA baseline of MFG-RegretNet, arXiv 2603.28329, and its code. That code ranks an owner without
    cost *last* (first here) and sells 1 / (n - k) also where the owner tolerates less.
    """

    name = "csra"
    guarantees = Guarantees()
    anonymous = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Find the longest prefix that the budget carries at the next owner's rate."""
        owners = bids.shape[1]
        offered = offers(bids, budget)
        reserve, order = offered.reserve.sort(dim=-1, stable=True)
        rate = torch.nn.functional.pad(reserve[:, 1:], (0, 1), value=torch.inf)
        total = offered.weight.gather(-1, order).cumsum(dim=-1)
        carried = (rate < torch.inf) & (rate <= offered.rate(total))  # rates rise, their bounds fall: a prefix
        sellers = carried.sum(dim=-1, keepdim=True)
        wins = torch.zeros_like(carried).scatter(-1, order, carried)
        losers = (bids.present.sum(dim=-1, keepdim=True) - sellers).clamp(min=1)
        loss = torch.minimum(1 / losers.double(), bids.privacy_budget)
        return offered.sold(wins, offered.payment(reserve.gather(-1, sellers.clamp(max=owners - 1))), loss)
