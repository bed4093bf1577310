"""The auction as everybody may know it: a rule to reason about, which tells nobody what the market's lottery draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.parts.lottery import Lottery
from agents.messages import Bids, Outcome


@dataclass(frozen=True, eq=False)
class PublicRule:
    """Runs the auction on any bids.

    Parameters
    ----------
    auction : Auction
    generator_state : uint8[...]
        State of a random generator from which lotteries draw, the same every time. It says nothing about any other
        stream of the market.
    """

    auction: Auction
    generator_state: Tensor

    @property
    def lottery(self) -> Callable[[Bids, Tensor], Lottery] | None:
        """The odds of all that may come of bids, for an auction that draws; None for one that does not."""
        return getattr(self.auction, "lottery", None)

    def __call__(self, bids: Bids, budget: Tensor) -> Outcome:
        """Return what would come of ``bids[B, n]`` at ``budget[B]``."""
        generator = torch.Generator()
        generator.set_state(self.generator_state)
        return self.auction.run(bids, budget, generator)
