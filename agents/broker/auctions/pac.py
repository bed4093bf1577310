"""PAC: the cheapest owners at one privacy loss, paid an equal part of the budget or what the next one asks."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.common_price import sell_at_one_price
from agents.messages import Bids, Outcome


class PAC(Auction):
    """Owners by unit cost c; the largest k, at most n - 1, with c / (n - k) of the k-th at most B / k wins.

    Everybody who wins sells at min(1 / (n - k), her privacy budget) and is paid min(B / k, c / (n - k) of the next).

    Individually rational and budget feasible. Published as truthful, which holds for the valuation alone, and only if
    all costs are linear in privacy loss and no privacy budget is below what is sold. With other curves an owner may
    prefer fewer winners, who sell less each, and bring them about by naming a high cost of what more would sell.
    Understating the privacy budget pays, since the payment does not depend on it.

    Source: Ghosh and Roth, "Selling privacy at auction", EC 2011, as the PAC baseline of MFG-RegretNet, arXiv
    2603.28329, whose code sells 1 / (n - k) also where the owner tolerates less.
    """

    name = "pac"
    guarantees = Guarantees()
    anonymous = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Find k and pay everybody the same."""
        return sell_at_one_price(bids, budget, torch.minimum)
