"""Training the sequential menu for verified sizes: the same steps, with sizes among the features."""

from __future__ import annotations

import functools

from agents.broker.auctions.sequential_menu_verified import SequentialMenuVerified
from agents.broker.training.sequential_menu import Recipe
from agents.broker.training.sequential_menu import make_checkpoint as make_private_checkpoint

__all__ = ["Recipe", "make_checkpoint"]

make_checkpoint = functools.partial(make_private_checkpoint, auction=SequentialMenuVerified)
