"""Alone as in a batch, where rounding is most likely to differ: a budget of every binade, and batches of thousands."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.checking.calls import Call, answer, differing
from agents.broker.checking.company import in_company, one_market_at_a_time
from agents.broker.checking.guarded import GuardedAuction
from agents.messages import Bids
from agents.prior import OwnerPrior

BINADES = range(-1074, 1024)
LARGE_BATCHES: tuple[int, ...] = (600, 2500, 10_000)


def a_budget_of_every_binade(prior: OwnerPrior, owners: int, generator: torch.Generator) -> tuple[Bids, Tensor]:
    """As many markets of ``owners`` as there are binades, each with a budget of its own, subnormal ones included."""
    types, _ = prior.sample(len(BINADES), owners, generator)
    mantissa = 1 + torch.rand(len(BINADES), generator=generator, dtype=torch.float64)
    exponent = torch.tensor(list(BINADES))
    half = torch.div(exponent, 2, rounding_mode="floor")
    budget = torch.ldexp(torch.ldexp(mantissa, half), exponent - half)
    return types.truthful_bids(), budget.clamp(min=5e-324, max=1.7e308)


def alone_in_every_binade(guard: GuardedAuction, bids: Bids, budget: Tensor) -> int:
    """How many numbers differ between one batch of all and every market alone."""
    call = Call.of(guard, bids, budget)
    together = answer(guard, call, lists=True)
    return differing(together, answer(guard, one_market_at_a_time(call, torch.Generator()), lists=True))


def in_a_large_batch(guard: GuardedAuction, bids: Bids, budget: Tensor, others: int, generator: torch.Generator) -> int:
    """How many numbers differ between a few markets one by one and somewhere among thousands."""
    call = Call.of(guard, bids, budget)
    alone = answer(guard, one_market_at_a_time(call, generator))
    return differing(alone, answer(guard, in_company(call, others, generator)))
