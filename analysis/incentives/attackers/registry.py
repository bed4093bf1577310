"""Finding attackers: every concrete ``Attacker`` in this package is discovered automatically."""

from __future__ import annotations

import functools

from agents.discovery import named_classes
from analysis.incentives import attackers
from analysis.incentives.attackers.base import Attacker


@functools.cache
def attacker_classes() -> dict[str, type[Attacker]]:
    """Every attacker class of this package, by name, in the order in which they act."""
    found = named_classes(attackers, Attacker)  # type: ignore[type-abstract]
    return dict(sorted(found.items(), key=lambda item: (item[1].turn, item[0])))


def list_attackers() -> list[str]:
    """Names of the attackers, in the order in which they act."""
    return list(attacker_classes())
