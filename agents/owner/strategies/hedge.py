"""Hedge: exponential weights over lies, with full information."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import number
from agents.owner.notice_board import per_own_cost
from agents.owner.strategies.base import MarketView, RoundResult
from agents.owner.strategies.learning import Learner, sampled
from agents.owner.strategies.reasoning import utilities
from agents.types import OwnerTypes


class Hedge(Learner):
    """Plays every lie with a probability exponential in what it would have brought so far.

    Full information: the rule is public and bids are published, so that after a round she works out what each lie would
    have brought her, everybody else's bids unchanged. In her t-th round the weights are exp(rate * sqrt(8 ln K / t) *
    gain / range), with the widest range of gains within a round that she has seen; at rate 1 her regret per round
    vanishes as t grows, whatever the others do.

    Source: Freund and Schapire, "A decision-theoretic generalization of on-line learning", 1997; the rate that changes
    with time, Cesa-Bianchi and Lugosi, "Prediction, Learning, and Games", 2006, theorem 2.3.

    Parameters
    ----------
    owners : int
        Size of the group.
    rate : float
        Multiple of the learning rate.

    Attributes
    ----------
    gained : float64[owners, K]
        What each lie would have brought in all rounds, over her cost of all she has.
    earned : float64[owners]
        What she got, in the same unit.
    """

    name = "hedge"
    memory: ClassVar[tuple[str, ...]] = ("arm", "gained", "earned", "rounds", "_range")

    def __init__(self, owners: int, *, rate: float = 1.0) -> None:
        super().__init__(owners)
        self.rate = number("rate", rate, above=0.0)
        self.gained = torch.zeros(owners, len(self.misreports), dtype=torch.float64)
        self.earned = torch.zeros(owners, dtype=torch.float64)
        self.rounds = torch.zeros(owners, dtype=torch.int64)
        self._range = torch.zeros(owners, dtype=torch.float64)

    @property
    def regret(self) -> Tensor:
        """What the best single lie in hindsight would have brought more ``float64[owners]``, in units of ``earned``."""
        return self.gained.amax(-1) - self.earned

    def probability(self, member: Tensor) -> Tensor:
        """With which probability members play each lie, ``float64[m, K]``."""
        time, width = self.rounds[member].double(), self._range[member]
        speed = self.rate * torch.sqrt(8 * math.log(len(self.misreports)) / (time + 1))
        return torch.softmax(speed[:, None] * self.gained[member] / torch.where(width > 0, width, 1.0)[:, None], -1)

    def choose(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Tensor:
        """Draw from the weights."""
        return sampled(self.probability(view.member), view.draw(generator)[0])

    def observe(self, result: RoundResult) -> None:
        """Add up what every lie would have brought."""
        misreports = self.misreports[torch.arange(len(self.misreports))[:, None]]
        would = utilities(
            result.public, result.everybody, result.row, result.types, misreports, result.budget, self.name
        )
        gain = per_own_cost(would[0], result.types).T
        member = result.member
        self.gained[member] += gain
        self.earned[member] += per_own_cost(result.utility, result.types)
        self.rounds[member] += 1
        self._range[member] = torch.maximum(self._range[member], gain.amax(-1) - gain.amin(-1))
