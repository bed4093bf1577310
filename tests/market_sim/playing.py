"""An auction that can be worked by hand, and a market played for some rounds."""

from __future__ import annotations

from typing import ClassVar

import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.messages import Bids, Outcome
from market_sim import FLMarket
from market_sim.results import Results


class PerHead(Auction):
    """An equal part of the budget for everybody who is there and finds it enough."""

    name: ClassVar[str] = "per-head"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=frozenset({"valuation"}))

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        part = (budget / bids.present.sum(-1).clamp(min=1))[:, None]
        sells = bids.present & (bids.cost(bids.privacy_budget, bids.data_size) <= part)
        return Outcome(
            privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
            payment=torch.where(sells, part, 0.0),
            data_size=torch.where(sells, bids.data_size, 0),
        )


def played(market: FLMarket, rounds: int = 1) -> Results:
    for _ in range(rounds):
        market.step()
    return Results.of(market.tables(), {})
