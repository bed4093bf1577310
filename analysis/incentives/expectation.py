"""What bids bring everybody: for sure in a deterministic auction, in expectation in a lottery, never by a draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.messages import Bids
from agents.types import OwnerTypes


@dataclass(frozen=True)
class ExpectedOutcome:
    """Expectations per owner ``[B, n]``.

    Parameters
    ----------
    utility, payment, cost : float64[B, n]
        To the owners as they truly are.
    sells : bool[B, n]
        Whether she may sell anything.
    max_spent : float64[B]
        The most that all payments can add up to, summed from either end.
    """

    utility: Tensor
    payment: Tensor
    cost: Tensor
    sells: Tensor
    max_spent: Tensor


def expected_outcome(auction: Auction, types: OwnerTypes, bids: Bids, budget: Tensor) -> ExpectedOutcome:
    """What ``auction`` makes of ``bids[B, n]`` by owners who truly are ``types``."""
    lottery = getattr(auction, "lottery", None)
    if lottery is None:
        outcome = auction.run(bids, budget)
        return ExpectedOutcome(
            utility=types.utility(outcome),
            payment=outcome.payment,
            cost=types.cost(outcome),
            sells=outcome.sells,
            max_spent=_paid(outcome.payment),
        )
    odds: Any = lottery(bids, budget)
    possible = odds.probability > 0
    return ExpectedOutcome(
        utility=odds.utility(types.truthful_bids()),
        payment=(odds.probability * odds.payment).sum(-1),
        cost=odds.cost(types.truthful_bids()),
        sells=(possible & (odds.records > 0)).any(-1),
        max_spent=_paid(torch.where(possible, odds.payment, 0.0).amax(-1)),
    )


def _paid(payment: Tensor) -> Tensor:
    """The larger of the sums ``[B]`` that adding up payments from either end gives."""
    if not payment.shape[-1]:
        return payment.sum(-1)
    return torch.maximum(payment.sum(-1), payment.flip(-1).cumsum(-1)[..., -1])
