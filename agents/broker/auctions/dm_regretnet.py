"""DM-RegretNet: the paper's deterministic auction by neural networks, trained against regret.

Source: FL-Market, section V-D, implemented from the paper; the authors' code differs from it in ways that matter (it
is trained on other privacy losses than it sells, and its "nothing" is never chosen). Four things are ours: payments
follow the allocation, refusals make individual rationality exact, the scores start from the owners' own interest (see
``allocation_rules``), and the payment network is not told what anybody asks for (see ``allocation_network``).
"""

from __future__ import annotations

from typing import ClassVar

from agents.broker.auctions.parts.allocation_auction import AllocationAuction
from agents.broker.auctions.parts.allocation_network import AllocationNetwork, Reports
from agents.broker.auctions.parts.allocation_rules import Proposal, highest


class DMRegretNet(AllocationAuction):
    """Every owner sells the outcome of her highest score: all her data at one of M privacy losses, or nothing.

    For the number of owners it was trained for, or fewer; see ``AllocationAuction``.
    """

    name: ClassVar[str] = "dm-regretnet"

    @staticmethod
    def propose(network: AllocationNetwork, reports: Reports) -> Proposal:
        """Take the level of the highest score."""
        return highest(network, reports)
