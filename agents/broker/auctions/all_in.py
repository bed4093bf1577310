"""All-in, the paper's rule, as published: whoever is cheap enough for the budget left sells all she has."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.one_by_one import admitted, sold_alone
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids, Outcome


class AllIn(Auction):
    """Owners by cost per unit of weight (data size times privacy budget); who fits is admitted; weights share B.

    Walking up the list, owner i is admitted when her unit cost is at most B / (weight admitted so far plus her own);
    the walk goes on past a failure. Those admitted sell everything at their own privacy budget and share the whole
    budget in proportion to their weights. Individually rational and budget feasible.

    It declares what the paper claims, truthfulness in the valuation, and ``check_auction`` refutes that, even for
    single-minded owners whose sizes and privacy budgets are known. Owner A: weight 5, cost 10; owner B: weight 1,
    cost 2.5; budget 11. True bids: A is admitted (2 <= 2.2), B refused (2.5 > 11/6) and earns nothing. B says her
    cost is 1: now B is admitted, A refused (2 > 11/6), and B is paid 11 for a cost of 2.5. What a winner is paid
    exceeds the highest bid with which she would still win as soon as somebody was refused before the money ran out.

    Source: FL-Market, appendix B.
    """

    name = "all-in"
    guarantees = Guarantees(truthful_in=frozenset({"valuation"}))
    anonymous = True
    refuted = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Admit and pay."""
        offered = offers(bids, budget)
        wins, total = admitted(offered)
        return offered.sold(wins, offered.payment(offered.rate(total)[:, None]))

    def alone(self, bids: Bids, budget: Tensor, instead: Bids, rows: Tensor) -> tuple[Outcome, Tensor]:
        """What each of ``rows`` alone would have got for another bid; all others keep their ranks."""
        return sold_alone(offers(bids, budget), instead, rows)
