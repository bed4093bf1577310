"""Q-learning: the value of every lie in every state of the market, learned by trying."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import number
from agents.owner.notice_board import per_own_cost
from agents.owner.strategies.base import MarketView, RoundResult
from agents.owner.strategies.learning import Learner
from agents.types import OwnerTypes

STATES = 3
"""No price published yet; the last one below her own cost; at or above it."""


class QLearning(Learner):
    """Tells the lie of highest value in the present state, or, with probability ``exploration``, any.

    The state is whether the price published last (money per record and unit of privacy loss) covers her own cost at
    her own privacy budget. Bandit feedback: values are learned from her own results, over her cost of all she has.

    Source: Watkins and Dayan, "Q-learning", 1992; as sellers' behaviour, Calvano, Calzolari, Denicolo, Pastorello,
    "Artificial intelligence, algorithmic pricing, and collusion", 2020.

    Parameters
    ----------
    owners : int
        Size of the group.
    exploration : float
        Probability of a lie at random.
    step : float
        Weight of the newest result, over 0 and at most 1.
    discount : float
        Weight of what follows, below 1.

    Attributes
    ----------
    value : float64[owners, STATES, K]
    """

    name = "q-learning"
    memory: ClassVar[tuple[str, ...]] = ("arm", "value", "situation")

    def __init__(self, owners: int, *, exploration: float = 0.1, step: float = 0.2, discount: float = 0.5) -> None:
        super().__init__(owners)
        self.exploration = number("exploration", exploration, maximum=1.0)
        self.step = number("step", step, above=0.0, maximum=1.0)
        self.discount = number("discount", discount, maximum=1 - 2.0**-20)
        self.value = torch.zeros(owners, STATES, len(self.misreports), dtype=torch.float64)
        self.situation = torch.zeros(owners, dtype=torch.int64)

    def choose(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Tensor:
        """Pick the best lie, ties at random, or any."""
        whether, which = view.draw(generator, 2)
        state = _state(view.price, types)
        self.situation[view.member] = state
        value = self.value[view.member, state]
        best = value == value.amax(-1, keepdim=True)
        best |= (whether < self.exploration)[:, None]
        rank = (which * best.sum(-1)).long()
        chosen: Tensor = (best.cumsum(-1) > rank[:, None]).double().argmax(-1)
        return chosen

    def observe(self, result: RoundResult) -> None:
        """Move the value of the lie told towards its result and the best that may follow."""
        member = result.member
        state, arm = self.situation[member], self.arm[member]
        follows = self.value[member, _state(result.price, result.types)].amax(-1)
        target = per_own_cost(result.utility, result.types) + self.discount * follows
        self.value[member, state, arm] += self.step * (target - self.value[member, state, arm])


def _state(price: float | None, types: OwnerTypes) -> Tensor:
    """State ``int64[m]`` of the market as each owner sees it."""
    if price is None:
        return torch.zeros(types.shape[1], dtype=torch.int64)
    own = types.privacy_budget
    cost = types.valuation.at(own) / torch.where(own > 0, own, 1.0)
    return torch.where(price >= cost, 2, 1)[0]
