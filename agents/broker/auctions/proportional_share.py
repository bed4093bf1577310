"""Proportional share: the truthful repair of All-in."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids, Outcome


class ProportionalShare(Auction):
    """All-in that stops at the first failure and pays nobody more than the first refused owner's unit cost.

    Owners by cost per unit of weight (data size times privacy budget); the longest prefix is admitted in which
    everybody's unit cost is at most B / (weight of the prefix up to her). An owner admitted sells everything at her
    own privacy budget for her weight times min(B / weight of all admitted, unit cost of the first refused).

    That rate is the highest unit cost with which she would still have been admitted, and nothing she says about her
    valuation moves it: truthful for single-minded owners whose sizes and privacy budgets are verified. Equal unit
    costs go by index, so the critical rate of an owner behind the first refused one ends just below that one's.

    Source: Singer, "Budget feasible mechanisms", FOCS 2010, applied to FL-Market's appendix B.
    """

    name = "proportional-share"
    guarantees = Guarantees(truthful_in=frozenset({"valuation"}), verified=frozenset({"privacy_budget", "data_size"}))

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Admit the longest affordable prefix and pay critical rates."""
        owners = bids.shape[1]
        offered = offers(bids, budget)
        reserve, order = offered.reserve.sort(dim=-1, stable=True)
        rate = offered.rate(offered.weight.gather(-1, order).cumsum(dim=-1))
        admitted = (reserve < torch.inf) & (reserve <= rate)  # reserves rise and rates fall: always a prefix
        sellers = admitted.sum(dim=-1, keepdim=True)
        wins = torch.zeros_like(admitted).scatter(-1, order, admitted)

        share = rate.gather(-1, (sellers - 1).clamp(min=0))
        refused = sellers.clamp(max=owners - 1)
        refused_rate = torch.where(sellers < owners, reserve.gather(-1, refused), torch.inf)
        behind = torch.arange(owners) > order.gather(-1, refused)
        below = torch.nextafter(refused_rate, torch.zeros_like(refused_rate))
        critical = torch.minimum(share, torch.where(behind, below, refused_rate))
        return offered.sold(wins, offered.payment(critical))
