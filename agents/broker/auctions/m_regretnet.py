"""M-RegretNet: the paper's lottery over M privacy losses by neural networks, trained against regret.

Source: FL-Market, section V-C, with the same differences as ``dm_regretnet``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from agents.broker.auctions.parts.allocation_auction import AllocationAuction
from agents.broker.auctions.parts.allocation_network import AllocationNetwork, Reports
from agents.broker.auctions.parts.allocation_rules import Proposal, drawn
from agents.broker.auctions.parts.lottery import Lottery
from agents.messages import Bids


class MRegretNet(AllocationAuction):
    """Every owner draws what she sells: all her data at one of M privacy losses, or nothing.

    Run without a generator, everybody gets her most probable outcome. Gains are expectations over ``lottery``.
    """

    name: ClassVar[str] = "m-regretnet"

    @staticmethod
    def propose(network: AllocationNetwork, reports: Reports) -> Proposal:
        """Leave the level to be drawn."""
        return drawn(network, reports)

    def lottery(self, bids: Bids, budget: Any) -> Lottery:
        """The odds ``[B, n, M + 1]`` of everything that may be drawn."""
        return self.odds(bids, budget)
