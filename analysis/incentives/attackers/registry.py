"""Finding attackers: every concrete ``Attacker`` in this package is discovered automatically."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil

from analysis.incentives import attackers
from analysis.incentives.attackers.base import Attacker


@functools.cache
def attacker_classes() -> dict[str, type[Attacker]]:
    """Every attacker class of this package, by name, in the order in which they act."""
    found: dict[str, type[Attacker]] = {}
    for module in pkgutil.iter_modules(attackers.__path__):
        for member in vars(importlib.import_module(f"{attackers.__name__}.{module.name}")).values():
            if inspect.isclass(member) and issubclass(member, Attacker) and not inspect.isabstract(member):
                found[member.name] = member
    return dict(sorted(found.items(), key=lambda item: (item[1].turn, item[0])))


def list_attackers() -> list[str]:
    """Names of the attackers, in the order in which they act."""
    return list(attacker_classes())
