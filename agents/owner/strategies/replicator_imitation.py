"""Replicator dynamics: copying a better acquaintance in proportion to how much better she does."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.checks import number
from agents.owner.strategies.base import Neighbours
from agents.owner.strategies.imitation import Imitator, random_neighbour


class ReplicatorImitation(Imitator):
    """Compares herself with one acquaintance at random, and copies with probability (difference / span) if positive.

    In a large well-mixed population the shares of the lies then follow the replicator equation. Differences over
    ``span`` are certain to be acted on; payoffs are over each owner's cost of all she has.

    Source: Schlag, "Why imitate, and if so, how?", 1998; Helbing, "Interrelations between stochastic equations for
    systems with pair interactions", 1992; the equation, Taylor and Jonker, 1978.

    Parameters
    ----------
    owners, truth, mutation
        See ``imitation.Imitator``.
    span : float
        Difference of payoffs at which she copies for sure.
    """

    name = "replicator-imitation"

    def __init__(self, owners: int, *, truth: float = 0.5, mutation: float = 0.0, span: float = 1.0) -> None:
        super().__init__(owners, truth=truth, mutation=mutation)
        self.span = number("span", span, above=0.0)

    def misreport_to_copy(self, neighbours: Neighbours, copies: Tensor, whom: Tensor) -> Tensor:
        """Return the lie of the acquaintance met, or -1 where she is not copied."""
        payoff, misreport = random_neighbour(neighbours, whom)
        better = torch.nan_to_num(payoff - torch.nan_to_num(neighbours.own, nan=0.0), nan=0.0)
        return torch.where(copies < better / self.span, misreport, -1)
