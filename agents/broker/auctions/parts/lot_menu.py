"""Price lists of whole lots: an entry is a number of records that is sold entirely or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Menu, entry_utility
from agents.messages import Bids, Outcome
from agents.surplus import surplus


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
        records = self._in_reach(bids)
        impossible = (self.privacy_loss > bids.privacy_budget[..., None]) | ((records == 0) & (self.privacy_loss > 0))
        value = torch.where(impossible, torch.inf, self._cost_of_a_record(bids))
        payment = self.price * records
        place = first_favourite(payment, torch.where(impossible, 1, records), value)
        return Outcome(
            privacy_loss=self.privacy_loss.gather(-1, place)[..., 0],
            payment=payment.gather(-1, place)[..., 0],
            data_size=records.gather(-1, place)[..., 0],
        )

    def _in_reach(self, bids: Bids) -> Tensor:
        """Records ``[B, n, K]``, none where she has not all of them."""
        return torch.where(self.records <= bids.data_size[..., None], self.records, 0)

    def _cost_of_a_record(self, bids: Bids) -> Tensor:
        """Reported cost of a record ``[B, n, K]``, each privacy loss valued once however many lots it is sold in."""
        if not self.price.numel():
            return torch.zeros_like(self.price)
        levels, place = self.privacy_loss[0, 0].unique(return_inverse=True)  # type: ignore[no-untyped-call]
        return bids.valuation.tabulate(levels)[..., place]


def first_favourite(payment: Tensor, records: Tensor, value: Tensor) -> Tensor:
    """Which entry ``[..., 1]`` leaves most, the first of several equal ones; to the last bit.

    Parameters
    ----------
    payment : float64[..., K]
        For whole entries; the first is nothing for nothing.
    records : int64[..., K]
    value : float64[..., K]
        Cost of a record; infinite where an entry is not hers to sell.
    """
    cost = torch.where(records > 0, records * value, 0.0)  # [..., entry]
    gain = payment - cost
    maximum, best = gain.max(dim=-1, keepdim=True)
    # Exact differences, which take long, only where rounded ones leave a doubt: they are off by less than this.
    close = gain >= maximum - payment.amax(dim=-1, keepdim=True) * 2.0**-48
    doubt = (close.sum(dim=-1) > 1).nonzero(as_tuple=True)  # [bidder in doubt]
    exact = surplus(payment[doubt], records.expand_as(payment)[doubt], value[doubt])
    best[doubt] = exact.max(dim=-1, keepdim=True).indices
    return best
