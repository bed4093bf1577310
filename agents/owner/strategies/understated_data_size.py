"""Holding back records."""

from __future__ import annotations

import torch

from agents.checks import number
from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class UnderstatedDataSize(Strategy):
    """Reports a constant share of her records, rounded down but never to none.

    Parameters
    ----------
    owners : int
        Size of the group.
    share : float
        Reported over true data size, between 0 and 1.
    """

    name = "understated-data-size"

    def __init__(self, owners: int, *, share: float = 0.5) -> None:
        super().__init__(owners)
        self.share = number("share", share, maximum=1.0)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the truth with fewer records."""
        kept = (self.share * types.data_size.double()).floor().long()
        return Bids(
            valuation=types.valuation,
            privacy_budget=types.privacy_budget,
            data_size=torch.maximum(kept, types.data_size.clamp(max=1)),
        )
