"""Under which names the bidders of a round appear: one each, unless somebody splits herself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agents.messages import Bids, Outcome
from agents.types import OwnerTypes


@dataclass(frozen=True, eq=False)
class Identities:
    """The rows of a round's bids, and whose each is. Rows of one owner hold disjoint parts of her records.

    Parameters
    ----------
    place : int64[r]
        Place among the round's bidders of the owner behind each row.
    records : int64[r]
        Records that the row holds; what an owner of several leaves out counts as her first one's.
    first : int64[n]
        Row of each bidder's first identity.
    """

    place: Tensor
    records: Tensor
    first: Tensor

    @staticmethod
    def single(types: OwnerTypes) -> Identities:
        """Everybody appears as herself."""
        everybody = torch.arange(types.shape[1])
        return Identities(place=everybody, records=types.data_size[0], first=everybody)

    @staticmethod
    def split(types: OwnerTypes, parts: Tensor, generator: torch.Generator) -> Identities:
        """Put the further identities of those who have several at random places of the queue.

        Parameters
        ----------
        types : OwnerTypes [1, n]
        parts : int64[k, n]
            Records of each identity; 0 for none.
        generator : torch.Generator
            Everybody's own place stays before the bidders that it was before.
        """
        bidders = types.shape[1]
        more, place = (parts[1:] > 0).nonzero(as_tuple=True)
        lot = torch.rand(len(place), generator=generator, dtype=torch.float64) * bidders
        key = torch.cat([torch.arange(bidders, dtype=torch.float64), lot])
        order = key.argsort(stable=True)
        whole = types.data_size[0] - parts[1:].sum(0)
        return Identities(
            place=torch.cat([torch.arange(bidders), place])[order],
            records=torch.cat([whole, parts[1:][more, place]])[order],
            first=order.argsort()[:bidders],
        )

    @property
    def several(self) -> Tensor:
        """Who has more than one, ``bool[n]``."""
        return self.place.bincount(minlength=len(self.first)) > 1

    @property
    def divided(self) -> bool:
        """Whether anybody has more than one."""
        return len(self.place) > len(self.first)

    def holding(self, types: OwnerTypes) -> OwnerTypes:
        """The owner behind every row ``[1, r]``, with the records that the row holds."""
        if not self.divided:
            return types
        rows = types.take(owners=self.place)
        return OwnerTypes(
            valuation=rows.valuation, privacy_budget=rows.privacy_budget, data_size=self.records[None].clone()
        )

    def honest(self, types: OwnerTypes) -> OwnerTypes:
        """The owner behind every row ``[1, r]`` were nobody divided: all she has in her first one, the rest absent."""
        if not self.divided:
            return types
        rows = types.take(owners=self.place)
        size = torch.zeros_like(rows.data_size).index_copy(1, self.first, types.data_size)
        return OwnerTypes(valuation=rows.valuation, privacy_budget=rows.privacy_budget, data_size=size)

    def total(self, values: Tensor) -> Tensor:
        """Sums ``[1, n]`` over the rows ``[1, r]`` of each bidder."""
        if not self.divided:
            return values
        return torch.zeros(1, len(self.first), dtype=values.dtype).index_add(1, self.place, values)

    def largest(self, values: Tensor) -> Tensor:
        """Maxima ``float64[1, n]`` over the rows ``[1, r]`` of each bidder, of nonnegative values."""
        if not self.divided:
            return values
        result = np.zeros(len(self.first))
        np.maximum.at(result, self.place.numpy(), values[0].numpy())
        return torch.from_numpy(result)[None]

    def bids(self, bids: Bids) -> Bids:
        """What each bidder said ``[1, n]``: the curve and privacy budget of her first row, the records of all."""
        if not self.divided:
            return bids
        return bids.take(owners=self.first).replace(data_size=self.total(bids.data_size))

    def outcome(self, outcome: Outcome) -> Outcome:
        """What each bidder sold ``[1, n]``: records and payments of all rows.

        The parts are disjoint, so that no record loses more than the largest privacy loss of any (parallel
        composition: McSherry, "Privacy integrated queries", 2009).
        """
        if not self.divided:
            return outcome
        sold = torch.where(outcome.sells, outcome.privacy_loss, 0.0)
        return Outcome(
            privacy_loss=self.largest(sold),
            payment=self.total(outcome.payment),
            data_size=self.total(outcome.data_size),
        )
