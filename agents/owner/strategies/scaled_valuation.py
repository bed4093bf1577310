"""Asking for more than privacy costs."""

from __future__ import annotations

import torch

from agents.checks import number
from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class ScaledValuation(Strategy):
    """Reports her whole valuation times a constant: bid shading, as any seller at a first price would.

    Parameters
    ----------
    owners : int
        Size of the group.
    by : float
        Reported over true valuation; above 1 overstates the cost.
    """

    name = "scaled-valuation"

    def __init__(self, owners: int, *, by: float = 1.5) -> None:
        super().__init__(owners)
        self.by = number("by", by)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the truth with every valuation scaled."""
        by = torch.full(types.shape, self.by, dtype=torch.float64)
        return Bids(
            valuation=types.valuation.scaled(by), privacy_budget=types.privacy_budget, data_size=types.data_size
        )
