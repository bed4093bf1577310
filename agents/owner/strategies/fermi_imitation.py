"""Fermi dynamics: copying a random acquaintance, the likelier the better she does."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.checks import number
from agents.owner.strategies.base import Neighbours
from agents.owner.strategies.imitation import Imitator, random_neighbour


class FermiImitation(Imitator):
    """Compares herself with one acquaintance at random, and copies with probability 1 / (1 + exp(-difference / noise)).

    Payoffs are over each owner's cost of all she has; with ``noise`` near 0 only who does better is copied, with
    much of it a coin decides.

    Source: Traulsen, Nowak, Pacheco, "Stochastic dynamics of invasion and fixation", 2006; on graphs, Szabo and Toke,
    "Evolutionary prisoner's dilemma game on a square lattice", 1998.

    Parameters
    ----------
    owners, truth, mutation
        See ``imitation.Imitator``.
    noise : float
        Difference of payoffs that is easily overlooked.
    """

    name = "fermi-imitation"

    def __init__(self, owners: int, *, truth: float = 0.5, mutation: float = 0.0, noise: float = 0.05) -> None:
        super().__init__(owners, truth=truth, mutation=mutation)
        self.noise = number("noise", noise, above=0.0)

    def misreport_to_copy(self, neighbours: Neighbours, copies: Tensor, whom: Tensor) -> Tensor:
        """Return the lie of the acquaintance met, or -1 where she is not copied."""
        payoff, misreport = random_neighbour(neighbours, whom)
        own = torch.nan_to_num(neighbours.own, nan=0.0)
        chance = torch.sigmoid((torch.nan_to_num(payoff, nan=0.0) - own) / self.noise)
        return torch.where(copies < chance, misreport, -1)
