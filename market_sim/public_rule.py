"""The auction as everybody may know it: a rule to reason about, which tells nobody what the market's lottery draws."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.messages import Bids, Outcome
from market_sim.streams import Streams


@dataclass(frozen=True, eq=False)
class PublicRule:
    """Runs the auction on any bids.

    Parameters
    ----------
    auction : Auction
    streams : Streams
        Lotteries draw from the stream ``public rule``, from its beginning every time.
    """

    auction: Auction
    streams: Streams

    def __call__(self, bids: Bids, budget: Tensor) -> Outcome:
        """Return what would come of ``bids[B, n]`` at ``budget[B]``."""
        return self.auction.run(bids, budget, self.streams.generator("public rule"))
