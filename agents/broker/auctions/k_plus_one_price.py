"""The k+1-price auction: the cheapest owners at one privacy loss, paid what the first refused one asks."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.common_price import sell_at_one_price
from agents.messages import Bids, Outcome


class KPlusOnePrice(Auction):
    """Owners by unit cost c; the largest k, at most n - 1, wins for which k c / (n - k) of the next is at most B.

    Everybody who wins sells at min(1 / (n - k), her privacy budget) and is paid c / (n - k) of the next.

    Individually rational and budget feasible. Published as VCG, which it is not (VCG keeps no budget), and as
    truthful, which holds for the valuation alone and under the same conditions as for ``PAC``; the same lies pay.

    Source: the VCG baseline of MFG-RegretNet, arXiv 2603.28329, whose code sells 1 / (n - k) also where the owner
    tolerates less.
    """

    name = "k-plus-one-price"
    guarantees = Guarantees()
    anonymous = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Find k and pay everybody the next one's ask."""
        return sell_at_one_price(bids, budget, lambda after, _: after)
