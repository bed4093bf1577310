"""Selling one privacy loss and uploading with less."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.checks import number
from agents.messages import Bids
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class ExtraNoise(Strategy):
    """Bids the truth but perturbs her gradient with only a share of the privacy loss that she was paid for.

    The broker weighs uploads by the noise that was sold and cannot tell. Her payment and her recorded utility (payment
    less the cost of what she sold) stay as they are; her privacy account books what she really lost, and the market's
    error bound counts the noise that she really added.

    Source of the concern: Ghosh, Ligett, Roth, Schoenebeck, "Buying private data without verification", 2014.

    Parameters
    ----------
    owners : int
        Size of the group.
    share : float
        Privacy loss of her uploads over what she sold; over 0 and at most 1.
    """

    name = "extra-noise"

    def __init__(self, owners: int, *, share: float = 0.5) -> None:
        super().__init__(owners)
        self.share = number("share", share, above=0.0, maximum=1.0)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the true types."""
        return types.truthful_bids()

    def upload(self, view: MarketView, privacy_loss: Tensor) -> Tensor:
        """Return a share of the privacy loss sold."""
        return self.share * privacy_loss
