"""Training DM-RegretNet; the loop is ``augmented_lagrangian``."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from agents.broker.auctions.dm_regretnet import DMRegretNet
from agents.broker.training import regret_recipe
from agents.broker.training.allocation_checkpoint import make_checkpoint_of

__all__ = ["Recipe", "make_checkpoint"]


@dataclass(frozen=True)
class Recipe(regret_recipe.Recipe):
    """What is particular to DM-RegretNet: gains count in equal parts of the budget and hardly in the liar's cost."""

    weight_of_cost: float = 0.05


make_checkpoint = functools.partial(make_checkpoint_of, DMRegretNet)
