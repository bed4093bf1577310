"""The controls: every list comes from a registry, every range is one that the market takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import solara

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.registry import list_auctions
from agents.network import NETWORKS
from agents.noise import NAMES
from agents.owner.strategies.registry import list_strategies, strategy_classes
from agents.tasks.registry import list_tasks
from scenarios.app.choices import TRUTHFUL, Choices
from scenarios.app.panel import words
from scenarios.commands.inventory import first_line

MAX_OWNERS, MAX_BIDDERS, MAX_ROUNDS, MAX_SEED = 2000, 1000, 1000, 100


@solara.component
def Controls(now: Choices, choose: Callable[[Choices], None]) -> None:
    """All controls; each change makes new choices, and Reset plays them."""

    def change(**fields: Any) -> None:
        choose(replace(now, **fields))

    def select(label: str, name: str, values: list[str]) -> None:
        solara.Select(
            label, values=values, value=getattr(now, name), on_value=lambda value: change(**{name: value}), dense=True
        )

    def count(label: str, name: str, minimum: int, maximum: int, step: int = 1) -> None:
        value = getattr(now, name)
        words("div", f"{label}: {value:,}", "label")
        solara.SliderInt(
            "", value=value, min=minimum, max=maximum, step=step, on_value=lambda value: change(**{name: value})
        )

    def span(label: str, name: str, minimum: float, maximum: float) -> None:
        value = getattr(now, name)
        words("div", f"{label}: {value[0]:g} to {value[1]:g}", "label")
        solara.SliderRangeFloat(
            "",
            value=value,
            min=minimum,
            max=maximum,
            step=0.1,
            on_value=lambda value: change(**{name: _rounded(value)}),
        )

    with solara.Div():
        words("h4", "The rules")
        select("Auction", "auction", list_auctions())
        select("Aggregation", "aggregation", list(AGGREGATIONS))
        select("Perturbation", "perturbation", list(NAMES))
        select("Task", "task", list_tasks())
        words("h4", "The people")
        count("Owners", "owners", 5, MAX_OWNERS, 5)
        count("Bidders per round", "bidders", 1, MAX_BIDDERS)
        span("Privacy budget ε̄, from the shyest owner", "privacy_budget", 0.1, 5.0)
        select("Network", "network", list(NETWORKS))
        _deviators(now, change)
        words("h4", "The money and the clock")
        span("Budget factor (1 would pay all costs)", "budget_factor", 0.0, 3.0)
        count("Rounds", "rounds", 10, MAX_ROUNDS, 10)
        count("Seed", "seed", 0, MAX_SEED)
        solara.Checkbox(
            label="Search for the first best (slow)",
            value=now.first_best,
            on_value=lambda value: change(first_best=value),
        )


def _deviators(now: Choices, change: Any) -> None:
    """Who lies, and how: a slider for the share of every strategy that is chosen."""
    names = [name for name in list_strategies() if name != TRUTHFUL]

    def among(chosen: list[str]) -> None:
        change(deviators={name: now.deviators.get(name, 10) for name in names if name in chosen})

    solara.SelectMultiple(
        "Ways to bid, besides the truth", values=list(now.deviators), all_values=names, on_value=among, dense=True
    )
    for name, percent in now.deviators.items():
        words("div", f"{name}: {percent} % of the owners", "label")
        solara.SliderInt(
            "",
            value=percent,
            min=0,
            max=100,
            on_value=lambda value, name=name: change(deviators={**now.deviators, name: value}),
        )
        words("div", first_line(strategy_classes()[name]), "hint")
    words("div", f"{TRUTHFUL}: {max(0, 100 - sum(now.deviators.values()))} % (the rest)", "label")


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    """Undo the rounding errors of a slider's steps."""
    return round(float(pair[0]), 2), round(float(pair[1]), 2)
