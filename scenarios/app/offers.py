"""What each control offers. Whatever a browser sends is taken only if the control that it stands for offers it.

The controls are drawn from this table and the address is read by it, so that there is one door. Names come from the
registries; none is a path or a module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.registry import list_auctions
from agents.data_sizes import SIZES
from agents.network import NETWORKS
from agents.owner.strategies.registry import list_strategies
from agents.perturbation.registry import list_perturbations
from agents.tasks.partition import PARTITIONS
from agents.tasks.registry import list_tasks, takes_data

TRUTHFUL = "truthful"
NO_LIMIT = 0


class NotOfferedError(ValueError):
    """A value that its control does not offer; the message is for the page, and quotes nothing."""


@dataclass(frozen=True)
class Names:
    """One name out of several."""

    label: str
    names: tuple[str, ...]

    def taken(self, value: Any) -> str:
        """Return the name, if it is one of them."""
        if not isinstance(value, str) or value not in self.names:
            raise NotOfferedError(f"{self.label}: choose one of the list")
        return value


@dataclass(frozen=True)
class Whole:
    """A whole number within limits; ``step`` is the slider's."""

    label: str
    minimum: int
    maximum: int
    step: int = 1

    def taken(self, value: Any) -> int:
        """Return the number, if it is whole and within the limits."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise NotOfferedError(f"{self.label}: choose a number from {self.minimum:,} to {self.maximum:,}")
        if value != int(value) or not self.minimum <= value <= self.maximum:
            raise NotOfferedError(f"{self.label}: choose a whole number from {self.minimum:,} to {self.maximum:,}")
        return int(value)


@dataclass(frozen=True)
class Span:
    """Two numbers within limits, the smaller first."""

    label: str
    minimum: float
    maximum: float
    step: float

    def taken(self, value: Any) -> tuple[float, float]:
        """Return both ends, without the rounding errors of a slider's steps."""
        refusal = NotOfferedError(f"{self.label}: choose two numbers from {self.minimum:g} to {self.maximum:g}")
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise refusal
        for end in value:
            if isinstance(end, bool) or not isinstance(end, int | float) or not self.minimum <= end <= self.maximum:
                raise refusal
        low, high = sorted(round(float(end), 2) for end in value)
        return low, high


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    label: str

    def taken(self, value: Any) -> bool:
        """Return it."""
        if not isinstance(value, bool):
            raise NotOfferedError(f"{self.label}: choose yes or no")
        return value


Offer = Names | Whole | Span | Flag


@cache
def offers() -> Mapping[str, Offer]:
    """What is offered, by the name of the choice."""
    return {
        "auction": Names("Auction", tuple(list_auctions())),
        "aggregation": Names("Aggregation", tuple(AGGREGATIONS)),
        "perturbation": Names("Perturbation", tuple(list_perturbations())),
        "task": Names("Task", tuple(name for name in list_tasks() if not takes_data(name))),
        "owners": Whole("Owners", 5, 2000, 5),
        "bidders": Whole("Bidders per round", 1, 1000),
        "buyers": Whole("Buyers", 1, 4),
        "sizes": Names("Data sizes", tuple(SIZES)),
        "partition": Names("Who holds which records", tuple(name for name in PARTITIONS if name != "natural")),
        "network": Names("Network", tuple(NETWORKS)),
        "privacy_budget": Span("Privacy budgets ε̄", 0.1, 5.0, 0.1),
        "budget_factor": Span("Budget factor", 0.0, 3.0, 0.1),
        "wallet": Whole("Each buyer's wallet", NO_LIMIT, 10_000, 50),
        "lifetime_allowance": Whole("Lifetime allowance ε", NO_LIMIT, 100),
        "rounds": Whole("Rounds", 10, 1000, 10),
        "seed": Whole("Seed", 0, 100),
        "first_best": Flag("Search for the first best (slow)"),
    }


@cache
def liars() -> tuple[str, ...]:
    """Ways to bid besides the truth."""
    return tuple(name for name in list_strategies() if name != TRUTHFUL)


SHARE = Whole("Share of the owners", 0, 100)
ROUNDS_AT_ONCE = Whole("Rounds per picture", 1, 50)


def taken(name: str, value: Any) -> Any:
    """Return a value for the choice ``name``, checked.

    Raises
    ------
    NotOfferedError
        If there is no such choice, or it does not offer the value.
    """
    offer = offers().get(name)
    if offer is None:
        raise NotOfferedError("there is no such control")
    return offer.taken(value)


def with_share(deviators: Mapping[str, int], name: str, percent: Any) -> dict[str, int]:
    """Return the shares with one of them changed; the others give way, so that all together are the whole at most."""
    if name not in liars():
        raise NotOfferedError("Ways to bid: choose from the list")
    share = SHARE.taken(percent)
    others = {each: part for each, part in deviators.items() if each != name}
    room, total = 100 - share, sum(others.values())
    if total > room:
        others = {each: part * room // total for each, part in others.items()}
    changed = {**others, name: share}
    return {each: changed[each] for each in liars() if changed.get(each)}
