"""Declared odds against what is drawn: a chi-square test for every owner, of draws as the market makes them.

Outcomes expected fewer than ``EXPECTED`` times are pooled. The level is ``FALSE_ALARMS`` for all tests of a call
together; a thousandth of it is used for each call, because the tails of pooled counts are not quite those of
chi-square: of Poisson counts of 100 they are 200 times as heavy seven standard deviations out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.checking.guarded import GuardedLottery
from agents.messages import Bids, Outcome

FALSE_ALARMS = 1e-6
EXPECTED = 100
IN_ONE_CALL = 4000
CALLS = 500


def draws_disagree(guard: GuardedLottery, bids: Bids, budget: Tensor, generator: torch.Generator, tests: int) -> int:
    """How many owners of one market draw otherwise than declared, or what was not declared at all.

    Parameters
    ----------
    guard : GuardedLottery
    bids : Bids [1, n]
    budget : float64[1]
    generator : torch.Generator
    tests : int
        How many such tests a whole check makes: they share the level.
    """
    odds = guard.lottery(bids, budget)
    rows = torch.zeros(IN_ONE_CALL, dtype=torch.int64)
    many = guard.ask(guard.auction, bids.take(rows=rows), budget[rows], generator)
    single = [guard.ask(guard.auction, bids, budget, generator) for _ in range(CALLS)]
    together = 0
    for outcomes in ([many], single):
        counts, unknown = _counts(odds, outcomes)
        together += unknown + _unlikely(counts, _merged(odds), FALSE_ALARMS / 1000 / max(1, tests))
    return together


def _counts(odds: Lottery, outcomes: list[Outcome]) -> tuple[Tensor, int]:
    """How often every outcome ``[n, K]`` was drawn, and how many draws are none that can be drawn."""
    drawn = [
        torch.cat([getattr(outcome, name) for outcome in outcomes])[..., None]
        for name in ("privacy_loss", "payment", "data_size")
    ]
    same = torch.stack([one == other for one, other in zip(drawn, _sales(odds), strict=True)]).all(0)
    possible = same & (_merged(odds) > 0)
    counts = torch.nn.functional.one_hot(possible.double().argmax(-1), same.shape[-1]) * possible.any(-1)[..., None]
    return counts.sum(0).double(), int((~possible.any(-1)).sum())


def _sales(odds: Lottery) -> tuple[Tensor, Tensor, Tensor]:
    return odds.privacy_loss, odds.payment, odds.records


def _merged(odds: Lottery) -> Tensor:
    """Probability ``[n, K]`` of every different sale: outcomes that are the same one count for the first of them."""
    same = torch.stack([part[0, :, :, None] == part[0, :, None] for part in _sales(odds)]).all(0)
    first = same.double().argmax(-1)
    return torch.zeros_like(odds.probability[0]).scatter_add(-1, first, odds.probability[0])


def _unlikely(counts: Tensor, probability: Tensor, level: float) -> int:
    """Owners whose counts are less probable than ``level``."""
    from scipy.stats import chi2

    unlikely = 0
    for owner in range(len(counts)):
        total = float(counts[owner].sum())
        expected = total * probability[owner]
        common = expected >= EXPECTED
        seen = torch.cat([counts[owner][common], counts[owner][~common].sum()[None]])
        wanted = torch.cat([expected[common], expected[~common].sum()[None]])
        if len(wanted) > 1 and float(wanted[-1]) < EXPECTED:  # too few even together: with the rarest common one
            rarest = int(wanted[:-1].argmin())
            seen[rarest], wanted[rarest] = seen[rarest] + seen[-1], wanted[rarest] + wanted[-1]
            seen, wanted = seen[:-1], wanted[:-1]
        statistic = float(((seen - wanted) ** 2 / wanted.clamp(min=1e-300)).sum())
        unlikely += len(wanted) > 1 and float(chi2.sf(statistic, len(wanted) - 1)) < level
    return unlikely
