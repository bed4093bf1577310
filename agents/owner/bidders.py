"""Who takes part in a round: what every phase of it knows about its bidders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from agents.messages import Announcement
from agents.owner.identities import Identities
from agents.types import OwnerTypes


@dataclass(frozen=True, eq=False)
class Bidders:
    """The ``n`` bidders of a round, who appear in the ``r`` rows of its bids.

    Parameters
    ----------
    announcement : Announcement
        What the buyer made public.
    owners : int64[n]
        Their numbers in the market.
    types : OwnerTypes [1, n]
        Who they really are in this round, privacy budgets within what is left of their allowances.
    identities : Identities
        Whose each row of the bids is.
    """

    announcement: Announcement
    owners: Tensor
    types: OwnerTypes
    identities: Identities

    @staticmethod
    def single(announcement: Announcement, owners: Tensor, types: OwnerTypes) -> Bidders:
        """Bidders who appear under one name each."""
        return Bidders(announcement, owners, types, Identities.single(types))

    @cached_property
    def row_owners(self) -> Tensor:
        """The owner behind every row, ``int64[r]``."""
        return self.owners[self.identities.place]

    @cached_property
    def row_types(self) -> OwnerTypes:
        """Who is behind every row ``[1, r]``, with the records and the part of the privacy budget that it has."""
        return self.identities.per_identity(self.types)
