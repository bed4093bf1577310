"""EXP3: exponential weights over lies, from the own results alone."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import number
from agents.owner.notice_board import per_own_cost
from agents.owner.strategies.base import MarketView, RoundResult
from agents.owner.strategies.learning import Learner, sampled
from agents.types import OwnerTypes


class Exp3(Learner):
    """Explores at rate ``exploration`` and else plays lies by exponential weights of their estimated gains.

    Bandit feedback: she learns what came of the lie that she told, and nothing else about the market. A lie's gain is
    estimated by its result over the probability of telling it. Results are taken over her cost of all she has, and
    weighed by the largest (of either sign) that she has seen so far.

    Source: Auer, Cesa-Bianchi, Freund, Schapire, "The nonstochastic multiarmed bandit problem", 2002, section 3.

    Parameters
    ----------
    owners : int
        Size of the group.
    exploration : float
        Probability of trying any lie, over 0 and at most 1.
    rate : float
        Learning rate; the source's is the exploration.

    Attributes
    ----------
    estimate : float64[owners, K]
        Estimated sum of gains of each lie.
    """

    name = "exp3"
    memory: ClassVar[tuple[str, ...]] = ("arm", "estimate", "_largest")

    def __init__(self, owners: int, *, exploration: float = 0.2, rate: float = 0.2) -> None:
        super().__init__(owners)
        self.exploration = number("exploration", exploration, above=0.0, maximum=1.0)
        self.rate = number("rate", rate, above=0.0)
        self.estimate = torch.zeros(owners, len(self.misreports), dtype=torch.float64)
        self._largest = torch.zeros(owners, dtype=torch.float64)

    def probability(self, member: Tensor) -> Tensor:
        """With which probability members play each lie, ``float64[m, K]``."""
        count, largest = len(self.misreports), self._largest[member]
        scaled = self.estimate[member] / torch.where(largest > 0, largest, 1.0)[:, None]
        weight = torch.softmax(self.rate * scaled / count, -1)
        return (1 - self.exploration) * weight + self.exploration / count

    def choose(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Tensor:
        """Draw from the weights."""
        return sampled(self.probability(view.member), view.draw(generator)[0])

    def observe(self, result: RoundResult) -> None:
        """Add the result of the lie told, over the probability with which it was."""
        member = result.member
        arm, gain = self.arm[member], per_own_cost(result.utility, result.types)
        chance = self.probability(member).gather(1, arm[:, None])[:, 0]
        self.estimate[member, arm] += gain / chance
        self._largest[member] = torch.maximum(self._largest[member], gain.abs())
