"""What bids are worth to owners who are really of other types, and whether a misreport paid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.checking.guarded import GuardedAuction, GuardedLottery
from agents.messages import Bids, Outcome
from agents.surplus import pays
from agents.types import OwnerTypes


@dataclass(frozen=True)
class Worth:
    """Utility, payment and true cost ``[B, n]`` of what every owner sells; expectations where it is drawn."""

    utility: Tensor
    payment: Tensor
    cost: Tensor

    def of(self, rows: Tensor, owners: Tensor) -> Worth:
        """Those of single owners ``[m]``."""
        return Worth(self.utility[rows, owners], self.payment[rows, owners], self.cost[rows, owners])


@dataclass(frozen=True)
class Gain:
    """What each of ``[m]`` misreports brought over the truth.

    ``money`` may be a rounding; ``paid`` says whether it is more than that.
    """

    money: Tensor
    paid: Tensor


def worth(
    guard: GuardedAuction, types: OwnerTypes, bids: Bids, budget: Tensor, outcome: Outcome | None = None
) -> Worth:
    """Run the auction as the market does and say what that is worth; a lottery in expectation.

    An ``outcome`` that is there already is not asked for again.
    """
    if isinstance(guard, GuardedLottery):
        odds = guard.lottery(bids, budget)
        truth = types.truthful_bids()
        paid = (odds.probability * odds.payment).sum(-1)
        return Worth(odds.utility(truth), paid, odds.cost(truth))
    return worth_of(types, outcome or guard.run(bids, budget))


def worth_of(types: OwnerTypes, outcome: Outcome) -> Worth:
    """What an outcome is worth."""
    return Worth(types.utility(outcome), outcome.payment, types.cost(outcome))


def gain(truth: Worth, lie: Worth) -> Gain:
    """The gain of misreports, and whether it is more than a rounding."""
    money = torch.where(lie.utility == truth.utility, 0.0, lie.utility - truth.utility)
    finite = [torch.where(torch.isfinite(cost), cost, 0.0) for cost in (truth.cost, lie.cost)]
    return Gain(money, pays(money, truth.payment, lie.payment, torch.maximum(*finite)))
