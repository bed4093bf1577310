"""Auctions that draw: the odds of every outcome, fixed before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.checks import count_array, real_array
from agents.messages import Bids, Outcome
from agents.surplus import surplus


@dataclass(frozen=True)
class Lottery:
    """What each owner may come to sell, and how probably; every outcome's payments keep the budget.

    Parameters
    ----------
    privacy_loss, payment : float64[B, n, K]
        Of each outcome; level 0 is nothing for nothing.
    records : int64[B, n, K]
        Records bought in each.
    probability : float64[B, n, K]
        Sums to 1 over the outcomes of an owner.
    """

    privacy_loss: Tensor
    payment: Tensor
    records: Tensor
    probability: Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.probability.shape)
        for name in ("privacy_loss", "payment", "probability"):
            real_array(name, getattr(self, name), shape=shape)
        count_array("records", self.records, shape=shape)

    def utility(self, bids: Bids) -> Tensor:
        """Expected utility ``[B, n]`` to owners who are as their bids say.

        Minus infinity where anything that may be drawn is not theirs to sell. What cannot be drawn counts for nothing.
        """
        value = bids.valuation.at(self.privacy_loss)
        utility = surplus(self.payment, self.records, value)
        impossible = (self.privacy_loss > bids.privacy_budget[..., None]) | (self.records > bids.data_size[..., None])
        utility = torch.where(impossible, -torch.inf, utility)
        return torch.where(self.probability > 0, self.probability * utility, 0.0).sum(-1)

    def cost(self, bids: Bids) -> Tensor:
        """Expected cost ``[B, n]`` of what is sold to owners who are as their bids say."""
        cost = self.records * bids.valuation.at(self.privacy_loss)
        return torch.where(self.probability > 0, self.probability * cost, 0.0).sum(-1)

    def draw(self, generator: torch.Generator | None) -> Outcome:
        """One outcome per owner, independently; without a generator the most probable one, ties to the lowest level."""
        if generator is None:
            level = self.probability.argmax(-1)
        else:
            place = torch.rand(self.probability.shape[:2], generator=generator, dtype=torch.float64)
            below = self.probability.cumsum(-1)  # [batch, owner, level]
            # The last sum may fall short of 1 by a rounding: nothing is drawn beyond the last possible level.
            last = (self.probability > 0).double().cumsum(-1).argmax(-1)
            level = torch.minimum((place[..., None] >= below).sum(-1), last)
        chosen = level[..., None]
        return Outcome(
            privacy_loss=self.privacy_loss.gather(-1, chosen)[..., 0],
            payment=self.payment.gather(-1, chosen)[..., 0],
            data_size=self.records.gather(-1, chosen)[..., 0],
        )
