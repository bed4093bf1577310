"""Training RegretNet; the loop is ``augmented_lagrangian``."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from agents.broker.auctions.regretnet import RegretNet
from agents.broker.training import regret_recipe
from agents.broker.training.allocation_checkpoint import make_checkpoint_of

__all__ = ["Recipe", "make_checkpoint"]


@dataclass(frozen=True)
class Recipe(regret_recipe.Recipe):
    """What is particular to RegretNet: one level, all or nothing, and a shorter training."""

    steps: int = 600
    levels: int = 1


make_checkpoint = functools.partial(make_checkpoint_of, RegretNet)
