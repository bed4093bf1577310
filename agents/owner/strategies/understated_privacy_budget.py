"""Pretending to tolerate less privacy loss than one does."""

from __future__ import annotations

import torch

from agents.checks import number
from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class UnderstatedPrivacyBudget(Strategy):
    """Reports a constant share of her privacy budget.

    Parameters
    ----------
    owners : int
        Size of the group.
    share : float
        Reported over true privacy budget, between 0 and 1.
    """

    name = "understated-privacy-budget"

    def __init__(self, owners: int, *, share: float = 0.5) -> None:
        super().__init__(owners)
        self.share = number("share", share, maximum=1.0)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the truth with a smaller privacy budget."""
        return Bids(
            valuation=types.valuation, privacy_budget=self.share * types.privacy_budget, data_size=types.data_size
        )
