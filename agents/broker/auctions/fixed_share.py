"""A planted cheat: the budget split by data size, for whatever privacy budget the owner admits to."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, Auction, Guarantees
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids, Outcome


class FixedShare(Auction):
    """Everybody is offered B d / (sum of all data sizes) for all her records at her own privacy budget.

    No report of the valuation moves an offer. The money is the same for any privacy budget, so understating that one
    pays: the same payment for less privacy. Understating the data size pays too, since money per record rises. It
    *claims* to be truthful in everything: a positive control that every check of truthfulness must catch.
    """

    name = "fixed-share"
    guarantees = Guarantees(truthful_in=FIELDS)
    anonymous = True
    planted = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Offer fixed shares; owners accept what covers their reported cost."""
        offered = offers(bids, budget)
        share = bids.data_size.double() / bids.data_size.sum(dim=-1, keepdim=True).double().clamp(min=1.0)
        quantum = offered.quantum[:, None]
        payment = (offered.budget[:, None] * share / quantum).floor() * quantum
        return offered.sold(offered.ask <= payment, payment)
