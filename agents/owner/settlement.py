"""What a round came to, before money moves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.messages import Bids, Outcome
from agents.owner.bidders import Bidders


@dataclass(frozen=True, eq=False)
class Settlement:
    """What a round came to for its ``n`` bidders, who appeared in ``r`` rows.

    Parameters
    ----------
    bidders : Bidders
    bids : Bids [1, r]
    outcome : Outcome [1, r]
    utility : float64[1, n]
        Payment less true cost.
    transfer : float64[1, n], optional
        Side payments received less those made; None while they are being decided.
    """

    bidders: Bidders
    bids: Bids
    outcome: Outcome
    utility: Tensor
    transfer: Tensor | None = None
