"""What owners publish about themselves: which misreport they chose, and their mean utility since."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.messages import Bids
from agents.misreports.scalar import MISREPORTS
from agents.network import OwnerNetwork
from agents.owner.strategies.base import Neighbours
from agents.saved_state import Remembering
from agents.types import OwnerTypes


class NoticeBoard(Remembering):
    """Published payoffs of all owners; each is seen by her acquaintances only.

    Parameters
    ----------
    network : OwnerNetwork
        Who knows whom.

    Attributes
    ----------
    misreport : int64[N]
        Which of ``MISREPORTS`` each owner told last; -1 for none of them.
    payoff : float64[N]
        Mean utility over the cost of all she has, in the rounds since she began to tell it; NaN before the first.
    """

    memory: ClassVar[tuple[str, ...]] = ("misreport", "_rounds", "_total")

    def __init__(self, network: OwnerNetwork) -> None:
        owners = len(network.graph)
        self.network = network
        self.misreport = torch.full((owners,), -1)
        self._rounds = torch.zeros(owners, dtype=torch.int64)
        self._total = torch.zeros(owners, dtype=torch.float64)

    @property
    def payoff(self) -> Tensor:
        """Published payoffs ``float64[N]``."""
        return torch.where(self._rounds > 0, self._total / self._rounds.double(), torch.nan)

    def publish(self, owners: Tensor, types: OwnerTypes, bids: Bids, utility: Tensor) -> None:
        """Add what the bidders of a round ``[1, n]`` say about themselves.

        Parameters
        ----------
        owners : int64[n]
        types : OwnerTypes [1, n]
        bids : Bids [1, n]
        utility : float64[n]
        """
        misreport = MISREPORTS.recognise(types, bids)
        goes_on = misreport == self.misreport[owners]
        self.misreport[owners] = misreport
        self._rounds[owners] = torch.where(goes_on, self._rounds[owners], 0) + 1
        self._total[owners] = torch.where(goes_on, self._total[owners], 0.0) + per_own_cost(utility, types)

    def seen_by(self, owners: Tensor) -> Neighbours:
        """What each of ``owners[m]`` reads."""
        known = self.network.neighbours(owners)
        there, payoff = known >= 0, self.payoff
        return Neighbours(
            payoff=torch.where(there, payoff[known], torch.nan),
            misreport=torch.where(there, self.misreport[known], -1),
            own=payoff[owners],
        )


def per_own_cost(utility: Tensor, types: OwnerTypes) -> Tensor:
    """Utility ``float64[n]`` over each owner's own cost, or as it is where that is 0 or infinite.

    Owners of all sizes can then be compared, and learn at the same rate.
    """
    cost = types.cost_at_own_budget()[0]
    return utility / torch.where((cost > 0) & torch.isfinite(cost), cost, 1.0)
