"""Lying at random, in everything."""

from __future__ import annotations

import torch

from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class RandomMisreport(Strategy):
    """Draws every part of every bid anew: the zero-intelligence trader of this market.

    The valuation is scaled by a factor between 1/2 and 2 (uniform in its logarithm), the privacy budget and the data
    size by factors uniform between 0 and 1; at least one record is offered.

    Source of the idea: Gode and Sunder, "Allocative efficiency of markets with zero-intelligence traders", 1993.
    """

    name = "random-misreport"

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return a random misreport for each bidder."""
        valuation, privacy, size = view.draw(generator, 3)[:, None]
        kept = (size * types.data_size.double()).floor().long()
        return Bids(
            valuation=types.valuation.scaled(torch.exp2(2 * valuation - 1)),
            privacy_budget=privacy * types.privacy_budget,
            data_size=torch.maximum(kept, types.data_size.clamp(max=1)),
        )
