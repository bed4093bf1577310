"""Telling the truth."""

from __future__ import annotations

import torch

from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class Truthful(Strategy):
    """Bids her valuation, privacy budget and data size as they are."""

    name = "truthful"

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the true types."""
        return types.truthful_bids()
