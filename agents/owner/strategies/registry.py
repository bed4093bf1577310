"""Finding strategies: every concrete ``Strategy`` in this package that has a name is discovered automatically."""

from __future__ import annotations

import functools

from agents.checks import one_of
from agents.discovery import named_classes
from agents.owner import strategies
from agents.owner.strategies.base import Strategy


@functools.cache
def strategy_classes() -> dict[str, type[Strategy]]:
    """Every named strategy class of this package, by name."""
    return named_classes(strategies, Strategy)  # type: ignore[type-abstract]


def list_strategies() -> list[str]:
    """Names that ``load_strategy`` knows."""
    return list(strategy_classes())


def load_strategy(name: str, owners: int) -> Strategy:
    """Return a strategy for a group of ``owners``, or raise ValueError naming the nearest known name."""
    return strategy_classes()[one_of("strategy", name, strategy_classes())](owners)
