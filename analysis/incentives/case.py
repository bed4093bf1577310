"""What is attacked, as campaign, chunk and attack all see it: a rule, markets, and what a liar may do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.types import OwnerTypes
from analysis.incentives.threat_model import ThreatModel


@dataclass(frozen=True, eq=False)
class Case:
    """An auction and the markets in which its owners misreport.

    Parameters
    ----------
    auction : Auction
    types : OwnerTypes [B, n]
    budget : float64[B]
    threat : ThreatModel
    rerun : bool
        Run the auction again for every lie, although it has price lists.
    """

    auction: Auction
    types: OwnerTypes
    budget: Tensor
    threat: ThreatModel
    rerun: bool = True

    def take(self, rows: slice | Tensor) -> Case:
        """The same with only some of the markets."""
        return replace(self, types=self.types.take(rows=rows), budget=self.budget[rows])

    def trimmed(self) -> Case:
        """The same without the last owners, as far as they are absent from every market."""
        places = (self.types.data_size > 0).any(0).nonzero()[:, 0]
        count = int(places[-1]) + 1 if len(places) else min(1, self.types.shape[1])
        return self if count == self.types.shape[1] else replace(self, types=self.types.take(owners=slice(0, count)))
