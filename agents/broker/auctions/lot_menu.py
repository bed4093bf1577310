"""Price lists of whole lots: an entry is a number of records that is sold entirely or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Menu, entry_utility, favourite
from agents.messages import Bids, Outcome


@dataclass(frozen=True)
class LotMenu(Menu):
    """A ``Menu`` whose entries cannot be cut: whoever has fewer records than one asks for cannot take it.

    The entries are the same on everybody's list and only their prices differ. They need not be in the order of privacy
    loss; the first is nothing for nothing, and of entries that an owner likes equally the first is hers.
    """

    def utility(self, bids: Bids) -> Tensor:
        """Utility ``[B, n, K]`` of every entry to owners who are as their bids say; -inf if not theirs to sell."""
        return entry_utility(
            self.privacy_loss,
            self.price,
            self._in_reach(bids),
            self._cost_of_a_record(bids),
            bids.privacy_budget,
            bids.data_size,
        )

    def choose(self, bids: Bids) -> Outcome:
        """Everybody's favourite entry, chosen for her from her bid."""
        place, records, payment = favourite(
            self.privacy_loss,
            self.price,
            self._in_reach(bids),
            self._cost_of_a_record(bids),
            bids.privacy_budget,
            bids.data_size,
        )
        privacy_loss = self.privacy_loss.gather(-1, place[..., None])[..., 0]
        return Outcome(privacy_loss=privacy_loss, payment=payment, data_size=records)

    def _in_reach(self, bids: Bids) -> Tensor:
        """Records ``[B, n, K]``, none where she has not all of them."""
        return torch.where(self.records <= bids.data_size[..., None], self.records, 0)

    def _cost_of_a_record(self, bids: Bids) -> Tensor:
        """Reported cost of a record ``[B, n, K]``, each privacy loss valued once however many lots it is sold in."""
        if not self.price.numel():
            return torch.zeros_like(self.price)
        levels, place = self.privacy_loss[0, 0].unique(return_inverse=True)  # type: ignore[no-untyped-call]
        return bids.valuation.tabulate(levels)[..., place]
