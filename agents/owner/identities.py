"""Under which names the bidders of a round appear: one each, unless an owner splits her records among several."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.messages import Bids, Outcome
from agents.types import OwnerTypes

ROUNDING = 1e-12
"""Part of a privacy budget that is not handed out, so that rounded parts never add up to more than the whole."""


@dataclass(frozen=True, eq=False)
class Identities:
    """The rows of a round's bids, and whose each is. Rows of one owner hold disjoint parts of her records.

    Parameters
    ----------
    place : int64[r]
        Place among the round's bidders of the owner behind each row.
    records : int64[r]
        Records that the row holds; what an owner leaves out of her identities is in her first one.
    first : int64[n]
        Row of each bidder's first identity.
    """

    place: Tensor
    records: Tensor
    first: Tensor

    @staticmethod
    def single(types: OwnerTypes) -> Identities:
        """Every bidder has one identity."""
        everybody = torch.arange(types.shape[1])
        return Identities(place=everybody, records=types.data_size[0], first=everybody)

    @staticmethod
    def split(types: OwnerTypes, parts: Tensor, generator: torch.Generator) -> Identities:
        """Put further identities at random places of the order in which the auction approaches its bidders.

        Parameters
        ----------
        types : OwnerTypes [1, n]
        parts : int64[k, n]
            Records of each identity; 0 for none.
        generator : torch.Generator
            Draws those places. First identities keep their order among one another.
        """
        bidders = types.shape[1]
        number, place = (parts[1:] > 0).nonzero(as_tuple=True)
        # First identities are sorted by their place 0, 1, ..., the others by a uniform number between.
        position = torch.rand(len(place), generator=generator, dtype=torch.float64) * bidders  # [r - n]
        order = torch.cat([torch.arange(bidders, dtype=torch.float64), position]).argsort(stable=True)  # [r]
        whole = types.data_size[0] - parts[1:].sum(0)
        return Identities(
            place=torch.cat([torch.arange(bidders), place])[order],
            records=torch.cat([whole, parts[1:][number, place]])[order],
            first=order.argsort()[:bidders],
        )

    @property
    def counts(self) -> Tensor:
        """How many each bidder has, ``int64[n]``."""
        return self.place.bincount(minlength=len(self.first))

    @property
    def has_multiple(self) -> Tensor:
        """Which bidders have more than one identity, ``bool[n]``."""
        return self.counts > 1

    @property
    def any_split(self) -> bool:
        """Whether any bidder has more than one identity."""
        return len(self.place) > len(self.first)

    def per_identity(self, types: OwnerTypes) -> OwnerTypes:
        """The owner behind every row ``[1, r]``, with the records and the part of her privacy budget that it has.

        Uploads under several names add up, and her privacy budget is what she tolerates of them together in a round:
        each name has an equal part of it, and so of what is left of a lifetime allowance.
        """
        if not self.any_split:
            return types
        rows = types.take(owners=self.place)
        names = self.counts[self.place]  # [r]
        part = rows.privacy_budget / names * (1 - ROUNDING)
        budget = torch.where(names > 1, part, rows.privacy_budget)
        return OwnerTypes(valuation=rows.valuation, privacy_budget=budget, data_size=self.records[None].clone())

    def merged(self, types: OwnerTypes) -> OwnerTypes:
        """The owner behind every row ``[1, r]`` had nobody split: all she has in her first row, the others absent."""
        if not self.any_split:
            return types
        rows = types.take(owners=self.place)
        size = torch.zeros_like(rows.data_size).index_copy(1, self.first, types.data_size)
        return OwnerTypes(valuation=rows.valuation, privacy_budget=rows.privacy_budget, data_size=size)

    def total(self, values: Tensor) -> Tensor:
        """Sums ``[1, n]`` over the rows ``[1, r]`` of each bidder."""
        if not self.any_split:
            return values
        return torch.zeros(1, len(self.first), dtype=values.dtype).index_add(1, self.place, values)

    def bids(self, bids: Bids) -> Bids:
        """What each bidder reported ``[1, n]``: the curve of her first row, privacy budgets and records of all."""
        if not self.any_split:
            return bids
        return bids.take(owners=self.first).replace(
            privacy_budget=self.total(bids.privacy_budget), data_size=self.total(bids.data_size)
        )

    def outcome(self, outcome: Outcome) -> Outcome:
        """What each bidder sold ``[1, n]``: records, payments and privacy losses of all rows.

        What is protected is her whole local data set. Two data sets may differ in the parts of several rows at once,
        so that the losses add up (sequential composition) although the parts are disjoint.
        """
        if not self.any_split:
            return outcome
        return Outcome(
            privacy_loss=self.total(outcome.privacy_loss_sold),
            payment=self.total(outcome.payment),
            data_size=self.total(outcome.data_size),
        )
