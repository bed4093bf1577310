"""A planted cheat: whoever asks least is bought first and paid what she asks."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, Auction, Guarantees
from agents.broker.auctions.parts.single_minded import offers
from agents.messages import Bids, Outcome


class PayAsBid(Auction):
    """Cheapest first until the money runs out, everybody paid exactly her reported cost.

    Owners by reported cost per unit of weight (data size times privacy budget); bought while the sum of what they ask
    stays within the budget, stopping at the first that does not fit. A truthful seller earns nothing, so asking for
    more pays until one is outbid. It *claims* to be truthful in everything: a positive control that every check of
    truthfulness must catch.
    """

    name = "pay-as-bid"
    guarantees = Guarantees(truthful_in=FIELDS)
    anonymous = True
    planted = True

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Buy the cheapest prefix that the budget covers."""
        offered = offers(bids, budget)
        order = offered.reserve.argsort(dim=-1, stable=True)
        bought = offered.ask.gather(-1, order).cumsum(dim=-1) <= offered.budget[:, None]
        wins = torch.zeros_like(bought).scatter(-1, order, bought)
        return offered.sold(wins, offered.ask)
