"""What all learners share: arms that are scalar misreports, tried and remembered by every owner for herself."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from agents.messages import Bids
from agents.misreports.scalar import MISREPORTS, Misreport
from agents.owner.strategies.base import MarketView, Strategy
from agents.types import OwnerTypes


class Learner(Strategy):
    """Chooses one of ``misreports`` in every round, number 0 being the truth, and learns from what came of it.

    Parameters
    ----------
    owners : int
        Size of the group.

    Attributes
    ----------
    misreports : Misreport [K]
    arm : int64[owners]
        What each told last; -1 before her first round.
    """

    misreports: Misreport = MISREPORTS

    memory: ClassVar[tuple[str, ...]] = ("arm",)

    def __init__(self, owners: int) -> None:
        super().__init__(owners)
        self.arm = torch.full((owners,), -1)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the lie that each bidder chooses."""
        arm = self.choose(view, types, generator)
        self.arm[view.member] = arm
        return self.misreports[arm].tell(types)

    @abstractmethod
    def choose(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Tensor:
        """Return the number of the lie ``int64[m]`` that each bidder tells."""


def sampled(probability: Tensor, draw: Tensor) -> Tensor:
    """Arms ``int64[m]`` drawn with ``probability[m, K]`` by uniform numbers ``draw[m]``."""
    bounds = probability.cumsum(-1)
    return (draw[:, None] * bounds[:, -1:] >= bounds).sum(-1).clamp(max=probability.shape[1] - 1)
