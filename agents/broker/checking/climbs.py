"""Climbing towards broken promises: to the most spent of a budget, and to the sale that leaves its seller least."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.checking.guarded import GuardedAuction
from agents.broker.checking.outcomes import KeptByOutcomes, largest_total
from agents.messages import Bids, Outcome
from agents.surplus import surplus

STEPS = 40
WIDTH = 64


def spent(outcome: Outcome, _: Bids, budget: Tensor) -> Tensor:
    """Sum of payments over the budget ``[B]``."""
    return torch.where(budget > 0, largest_total(outcome.payment) / budget, 0.0)


def least_left(outcome: Outcome, bids: Bids, _: Tensor) -> Tensor:
    """The smallest utility over payment of any seller, negated ``[B]``: above 0 somebody loses."""
    utility = surplus(outcome.payment, outcome.data_size, bids.valuation.at(outcome.privacy_loss))
    share = torch.where(outcome.sells, utility / outcome.payment.clamp(min=1e-300), torch.inf)
    return -share.amin(dim=-1).clamp(max=1.0)


def climb(guard: GuardedAuction, kept: KeptByOutcomes, bids: Bids, budget: Tensor, generator: torch.Generator) -> None:
    """From the worst of some markets, step by step to worse ones, each outcome booked."""
    for label, objective in (("climb on what is spent", spent), ("climb on losses", least_left)):
        here, money = bids, budget
        outcome = guard.run(here, money)
        level = objective(outcome, here, money)
        best = level.argsort(descending=True)[:WIDTH]
        here, money, level = here.take(rows=best), money[best], level[best]
        for step in range(STEPS):
            there, paid = _nearby(here, money, 0.3 * 0.9**step, generator)
            outcome = guard.run(there, paid)
            kept.book(label, there, paid, outcome)
            found = objective(outcome, there, paid)
            better = found >= level
            here = there.where(better[:, None].expand(here.shape), here)
            money, level = torch.where(better, paid, money), torch.where(better, found, level)


def _nearby(bids: Bids, budget: Tensor, width: float, generator: torch.Generator) -> tuple[Bids, Tensor]:
    """Markets with some of their numbers moved by a factor of about ``1 + width``."""

    def factor(*shape: int) -> Tensor:
        moved = torch.rand(shape, generator=generator) < 0.4
        draw = (width * torch.randn(shape, generator=generator, dtype=torch.float64)).exp()
        return torch.where(moved, draw, 1.0)

    size = (bids.data_size.double() * factor(*bids.shape)).round().long()
    there = Bids(
        valuation=bids.valuation.scaled(factor(*bids.shape)),
        privacy_budget=bids.privacy_budget * factor(*bids.shape),
        data_size=size.clamp(max=10**12),
    )
    return there, (budget * factor(len(budget))).clamp(max=1e300)
