"""A market split among several brokers: each runs the auction on its own owners, a second level adds up the results.

The owners are divided by lot, as evenly as possible, and the budget in equal parts, both before anybody bids: the price
lists of a broker then depend on nothing that is said at another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.aggregation import upload_weights
from agents.broker.auctions.base import Auction
from agents.broker.error_bound import aggregate_error_bound
from agents.messages import Bids, Outcome
from agents.misreports.scalar import MISREPORTS
from agents.types import OwnerTypes
from agents.upload_terms import UploadTerms
from agents.valuation import ParametricValuation

NUMBER = 8
"""Bytes of a number on its way."""
BID = 4 * NUMBER
"""Bytes of a bid: family and factor of the valuation, privacy budget, data size."""
PARTS, CURVE, SIZE = ("privacy_loss", "payment", "data_size"), ("family", "factor"), "data_size"


@dataclass(frozen=True, eq=False)
class Brokers:
    """Owners divided among brokers, and what each sold.

    Parameters
    ----------
    auction : Auction
        Run by every broker.
    types : OwnerTypes [1, n]
        All owners; they tell the truth.
    members : list of int64[m]
        Whose each broker is, by rising number.
    budget : float64[1]
        Of each broker.
    outcome : Outcome [1, n]
    seconds : float
        Of the processor, all auctions.
    """

    auction: Auction
    types: OwnerTypes
    members: list[Tensor]
    budget: Tensor
    outcome: Outcome
    seconds: float

    @classmethod
    def run(
        cls, auction: Auction, types: OwnerTypes, budget: Tensor, brokers: int, generator: torch.Generator
    ) -> Brokers:
        """Divide owners and budget ``float64[1]`` among the brokers, and let each run its auction."""
        owners = types.shape[1]
        if not 1 <= brokers <= owners:
            raise ValueError(f"brokers = {brokers}: pass 1 to owners = {owners}")
        lot = torch.randperm(owners, generator=generator)
        members = [lot[broker::brokers].sort().values for broker in range(brokers)]
        share, bids, began = budget / brokers, types.truthful_bids(), time.process_time()
        loss, payment = (torch.zeros(1, owners, dtype=torch.float64) for _ in range(2))
        records = torch.zeros(1, owners, dtype=torch.int64)
        # Brokers with as many owners are the rows of one batch.
        for size in {len(those) for those in members}:
            those = torch.stack([part for part in members if len(part) == size])
            flat = bids.take(owners=those.flatten())
            valuation = ParametricValuation(*(getattr(flat.valuation, name).reshape(those.shape) for name in CURVE))
            rows = Bids(valuation, *(getattr(flat, name).reshape(those.shape) for name in ("privacy_budget", SIZE)))
            sold = auction.run(rows, share.expand(len(those)))
            loss[0, those], payment[0, those], records[0, those] = sold.privacy_loss, sold.payment, sold.data_size
        return cls(auction, types, members, share, Outcome(loss, payment, records), time.process_time() - began)

    def error_bounds(self, terms: UploadTerms) -> tuple[float, float]:
        """Error bound if one level weighs all uploads, and if each broker weighs its own and the second level them.

        The second level knows of each broker only how many records its owners have, and weighs by these.
        """
        size, variance = self.types.data_size, terms.variance(self.outcome.privacy_loss)
        together = upload_weights("optimal", terms, self.outcome, size, variance)
        apart = torch.zeros_like(together)
        for those in self.members:
            own = size[:, those]
            part = Outcome(*(getattr(self.outcome, name)[:, those] for name in PARTS))
            apart[:, those] = upload_weights("optimal", terms, part, own, variance[:, those]) * own.sum()
        apart = apart / apart.sum(-1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        first, second = (
            float(aggregate_error_bound(terms, weights, variance, self.outcome, size)) for weights in (together, apart)
        )
        return first, second

    def gains_of_lies(self, owners: Tensor) -> Tensor:
        """Gain over own cost ``float64[k, lies]`` of some owners who tell each of the known misreports instead."""
        lies = len(MISREPORTS) - 1
        gains, truth, cost = [], self.types.utility(self.outcome)[0], self.types.cost_at_own_budget()[0]
        for owner in owners.tolist():
            those = next(part for part in self.members if bool((part == owner).any()))
            repeated = torch.zeros(lies, dtype=torch.int64)
            types = self.types.take(rows=repeated, owners=those)
            her = those == owner
            told = MISREPORTS[torch.arange(1, lies + 1)[:, None]].tell(types)
            bids = told.where(her.expand(types.shape), types.truthful_bids())
            utility = types.utility(self.auction.run(bids, self.budget.expand(lies)))[:, her][:, 0]
            gains.append((utility - truth[owner]) / cost[owner])
        return torch.stack(gains) if gains else torch.zeros(0, lies, dtype=torch.float64)

    def gains_of_moving(self, owners: Tensor, others: int, generator: torch.Generator) -> Tensor:
        """Gain over own cost ``float64[k, others]`` of owners who go to another broker and tell the truth there.

        At most ``others`` brokers are drawn; NaN where one is her own. The budgets stay as they are.
        """
        drawn = torch.randperm(len(self.members), generator=generator)[: others if len(self.members) > 1 else 0]
        gains = torch.full((len(owners), len(drawn)), torch.nan, dtype=torch.float64)
        had = self.types.utility(self.outcome)[0, owners] / self.types.cost_at_own_budget()[0, owners]
        for column, broker in enumerate(drawn.tolist()):
            those = self.members[broker]
            comes = (~torch.isin(owners, those)).nonzero()[:, 0]  # [r]
            guests = owners[comes]
            columns = torch.cat([those, guests]).sort().values
            types = self.types.take(rows=torch.zeros(len(guests), dtype=torch.int64), owners=columns)
            her = columns == guests[:, None]  # [r, n]
            here = torch.isin(columns, those) | her
            bids = types.truthful_bids()
            sold = self.auction.run(bids.replace(data_size=bids.data_size * here), self.budget.expand(len(guests)))
            worth = types.utility(sold)[her] / types.cost_at_own_budget()[her]
            gains[comes, column] = worth - had[comes]
        return gains

    def bytes_in(self, terms: UploadTerms) -> Iterator[int]:
        """What every broker receives: bids, and the uploads of its sellers."""
        for those in self.members:
            sellers = int((self.outcome.privacy_loss_sold[0, those] > 0).sum())
            yield BID * len(those) + NUMBER * terms.dimension * sellers

    def bytes_between(self, terms: UploadTerms) -> int:
        """What the second level receives: an aggregate, its precision and its number of records from every broker."""
        return 0 if len(self.members) == 1 else NUMBER * (terms.dimension + 2) * len(self.members)
