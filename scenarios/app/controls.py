"""The controls: every list comes from a registry, every range is one that the market takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import solara

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.registry import list_auctions
from agents.network import NETWORKS
from agents.owner.strategies.registry import list_strategies, strategy_classes
from agents.perturbation.registry import list_perturbations
from agents.tasks.registry import list_tasks
from scenarios.app.choices import TRUTHFUL, Choices
from scenarios.app.panel import text
from scenarios.commands.inventory import first_line

MAX_OWNERS, MAX_BIDDERS, MAX_ROUNDS, MAX_SEED = 2000, 1000, 1000, 100


@solara.component
def Controls(current: Choices, choose: Callable[[Choices], None]) -> None:
    """All controls; each change makes new choices, and Reset plays them."""

    def change(**fields: Any) -> None:
        choose(replace(current, **fields))

    def select(label: str, name: str, values: list[str]) -> None:
        solara.Select(
            label,
            values=values,
            value=getattr(current, name),
            on_value=lambda value: change(**{name: value}),
            dense=True,
        )

    def slider(label: str, name: str, minimum: int, maximum: int, step: int = 1) -> None:
        value = getattr(current, name)
        text("div", f"{label}: {value:,}", "label")
        solara.SliderInt(
            "", value=value, min=minimum, max=maximum, step=step, on_value=lambda value: change(**{name: value})
        )

    def range_slider(label: str, name: str, minimum: float, maximum: float) -> None:
        value = getattr(current, name)
        text("div", f"{label}: {value[0]:g} to {value[1]:g}", "label")
        solara.SliderRangeFloat(
            "",
            value=value,
            min=minimum,
            max=maximum,
            step=0.1,
            on_value=lambda value: change(**{name: _rounded(value)}),
        )

    with solara.Div():
        text("h4", "The rules")
        select("Auction", "auction", list_auctions())
        select("Aggregation", "aggregation", list(AGGREGATIONS))
        select("Perturbation", "perturbation", list_perturbations())
        select("Task", "task", list_tasks())
        text("h4", "The people")
        slider("Owners", "owners", 5, MAX_OWNERS, 5)
        slider("Bidders per round", "bidders", 1, MAX_BIDDERS)
        range_slider("Privacy budget ε̄, from the shyest owner", "privacy_budget", 0.1, 5.0)
        select("Network", "network", list(NETWORKS))
        _deviators(current, change)
        text("h4", "The money and the clock")
        range_slider("Budget factor (1 would pay all costs)", "budget_factor", 0.0, 3.0)
        slider("Rounds", "rounds", 10, MAX_ROUNDS, 10)
        slider("Seed", "seed", 0, MAX_SEED)
        solara.Checkbox(
            label="Search for the first best (slow)",
            value=current.first_best,
            on_value=lambda value: change(first_best=value),
        )


def _deviators(current: Choices, change: Any) -> None:
    """A list of strategies, and a slider for the share of each that is chosen."""
    names = [name for name in list_strategies() if name != TRUTHFUL]

    def select_strategies(chosen: list[str]) -> None:
        change(deviators={name: current.deviators.get(name, 10) for name in names if name in chosen})

    solara.SelectMultiple(
        "Ways to bid, besides the truth",
        values=list(current.deviators),
        all_values=names,
        on_value=select_strategies,
        dense=True,
    )
    for name, percent in current.deviators.items():
        text("div", f"{name}: {percent} % of the owners", "label")
        solara.SliderInt(
            "",
            value=percent,
            min=0,
            max=100,
            on_value=lambda value, name=name: change(deviators={**current.deviators, name: value}),
        )
        text("div", first_line(strategy_classes()[name]), "hint")
    text("div", f"{TRUTHFUL}: {max(0, 100 - sum(current.deviators.values()))} % (the rest)", "label")


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    """Undo the rounding errors of a slider's steps."""
    return round(float(pair[0]), 2), round(float(pair[1]), 2)
