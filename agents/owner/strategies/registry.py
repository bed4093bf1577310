"""Finding strategies: every concrete ``Strategy`` in this package that has a name is discovered automatically."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil

from agents.checks import one_of
from agents.owner import strategies
from agents.owner.strategies.base import Strategy


@functools.cache
def strategy_classes() -> dict[str, type[Strategy]]:
    """Every named strategy class of this package, by name."""
    found: dict[str, type[Strategy]] = {}
    for module in pkgutil.iter_modules(strategies.__path__):
        members = vars(importlib.import_module(f"{strategies.__name__}.{module.name}")).values()
        for member in members:
            if inspect.isclass(member) and issubclass(member, Strategy) and not inspect.isabstract(member):
                found[member.name] = member
    return dict(sorted(found.items()))


def list_strategies() -> list[str]:
    """Names that ``load_strategy`` knows."""
    return list(strategy_classes())


def load_strategy(name: str, owners: int) -> Strategy:
    """Return a strategy for a group of ``owners``, or raise ValueError naming the nearest known name."""
    return strategy_classes()[one_of("strategy", name, strategy_classes())](owners)
