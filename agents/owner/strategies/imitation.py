"""What all imitators share: lies copied from acquaintances who have published how well they did."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import number
from agents.messages import Bids
from agents.misreports.scalar import MISREPORTS
from agents.owner.strategies.base import MarketView, Neighbours, Strategy
from agents.types import OwnerTypes


class Imitator(Strategy):
    """Starts with the truth, or with any lie, and then copies; the truth is one of the things to copy.

    Parameters
    ----------
    owners : int
        Size of the group.
    truth : float
        Probability of starting with the truth; the others of ``MISREPORTS`` share the rest.
    mutation : float
        Probability, in every round, of trying any of them instead.

    Attributes
    ----------
    misreport : int64[owners]
        What each tells; -1 before her first round.
    """

    needs_network: ClassVar[bool] = True
    memory: ClassVar[tuple[str, ...]] = ("misreport",)

    def __init__(self, owners: int, *, truth: float = 0.5, mutation: float = 0.0) -> None:
        super().__init__(owners)
        self.truth = number("truth", truth, maximum=1.0)
        self.mutation = number("mutation", mutation, maximum=1.0)
        self.misreport = torch.full((owners,), -1)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return what each started with or copied."""
        starts, copies, whom, mutates, which = view.draw(generator, 5)
        others = 1 + (which * (len(MISREPORTS) - 1)).long()
        misreport = self.misreport[view.member]
        if view.neighbours is not None:
            copied = self.misreport_to_copy(view.neighbours, copies, whom)
            misreport = torch.where(copied >= 0, copied, misreport)
        misreport = torch.where(self.misreport[view.member] < 0, torch.where(starts < self.truth, 0, others), misreport)
        misreport = torch.where(mutates < self.mutation, (which * len(MISREPORTS)).long(), misreport)
        self.misreport[view.member] = misreport
        return MISREPORTS[misreport].tell(types)

    @abstractmethod
    def misreport_to_copy(self, neighbours: Neighbours, copies: Tensor, whom: Tensor) -> Tensor:
        """Return the lie ``int64[m]`` that each copies, -1 for none.

        Parameters
        ----------
        neighbours : Neighbours
            What acquaintances have published.
        copies, whom : float64[m]
            Uniform draws: whether she copies, and whom.
        """


def random_neighbour(neighbours: Neighbours, whom: Tensor) -> tuple[Tensor, Tensor]:
    """Payoff ``float64[m]`` and lie ``int64[m]`` of one acquaintance each, uniformly among those to be copied.

    NaN and -1 where there is none.
    """
    known = (neighbours.misreport >= 0) & ~torch.isnan(neighbours.payoff)
    count = known.sum(-1)
    if not known.shape[1]:
        return torch.full_like(whom, torch.nan), torch.full(whom.shape, -1)
    rank = (whom * count).long()
    at = (known.cumsum(-1) > rank[:, None]).double().argmax(-1, keepdim=True)
    payoff, misreport = neighbours.payoff.gather(1, at)[:, 0], neighbours.misreport.gather(1, at)[:, 0]
    return torch.where(count > 0, payoff, torch.nan), torch.where(count > 0, misreport, -1)
