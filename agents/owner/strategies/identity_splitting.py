"""Splitting: one owner, several names."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.checks import whole
from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes

MAX_NAMES = 100


class IdentitySplitting(Strategy):
    """Appears as several owners, each with an equal part of the records, who all tell the truth.

    Her data set is one all the same: her privacy losses under all names add up, so that the names share her privacy
    budget and a lifetime allowance.
    Who has fewer records than names appears under as many names as she has records.

    Source: Douceur, "The Sybil attack", 2002; Yokoo, Sakurai, Matsubara, "The effect of false-name bids in
    combinatorial auctions", 2004.

    Parameters
    ----------
    owners : int
        Size of the group.
    names : int
        Under how many each appears.
    """

    name = "identity-splitting"

    def __init__(self, owners: int, *, names: int = 2) -> None:
        super().__init__(owners)
        self.names = whole("names", names, minimum=2, maximum=MAX_NAMES)

    def identities(self, view: MarketView, types: OwnerTypes) -> Tensor:
        """Return equal parts, the larger ones first."""
        size = types.data_size[0]
        return size // self.names + (torch.arange(self.names)[:, None] < size % self.names).long()

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the truth about each part."""
        return types.truthful_bids()
