"""Posted price: everybody may sell all she has for her share, by weight, of the budget."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids, Outcome


class PostedPrice(Auction):
    """Everybody is offered B w / (sum of w), w being data size times privacy budget, for all that she has.

    An owner's valuation moves nothing that is offered to her: truthful in the valuation. Her privacy budget and her
    data size move the rate: the less she offers, the more is paid per unit of it, so understating them can pay. What
    those who decline leave stays unspent. Weights are summed over everybody who names a finite price at all.

    Source: the pricing baseline of MFG-RegretNet, arXiv 2603.28329, with data sizes. There nobody may decline, which
    is not individually rational.
    """

    name = "posted-price"
    guarantees = Guarantees(truthful_in=frozenset({"valuation"}))
    anonymous = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Offer one rate; whoever's reserve it reaches sells."""
        offered = offers(bids, budget)
        rate = offered.rate(offered.weight.sum(dim=-1))[:, None]
        return offered.sold(offered.reserve <= rate, offered.payment(rate))
