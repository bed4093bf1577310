"""What the market can be built from, as tables: names are read from the registries, descriptions from docstrings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.table import Table

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.base import FIELDS
from agents.broker.auctions.registry import auction_classes
from agents.checks import one_of
from agents.models.registry import model_modules
from agents.owner.strategies.registry import strategy_classes
from agents.perturbation.registry import perturbation_classes
from agents.tasks.registry import task_modules
from market_sim.config_fields import described_fields
from scenarios.commands.catalogue import scenario_questions


def sections() -> dict[str, Table]:
    """One table per kind of part, by its heading."""
    return {
        "Auctions": _described({name: sys.modules[auction.__module__] for name, auction in auction_classes().items()}),
        "Guarantees as declared (planted cheats and refuted publications claim more than they keep)": declarations(),
        "Strategies": _described(strategy_classes()),
        "Tasks": _described(task_modules()),
        "Models": _described(model_modules()),
        "Perturbations": _described(perturbation_classes()),
        "Aggregations": _described(AGGREGATIONS),
        "Scenarios (market-sim run NAME)": _table(("name", "question"), scenario_questions().items()),
    }


def section(kind: str) -> dict[str, Table]:
    """The tables of one kind, by heading: the first word of a heading of ``sections``, or ``fields``.

    Raises
    ------
    ValueError
        If there is no such kind; the message names the nearest.
    """
    tables = {"Fields of a market (market-sim run market --FIELD VALUE)": fields_table(), **sections()}
    kinds = {heading.split()[0].lower(): heading for heading in tables}
    heading = kinds[one_of("kind", kind.lower(), kinds)]
    return {heading: tables[heading]}


def fields_table() -> Table:
    """The fields of ``MarketConfig`` with what they take, their defaults and their meaning."""
    rows = (
        (field.name, field.values, "" if field.default in ("None", "{}") else field.default, field.meaning)
        for field in described_fields().values()
    )
    return _table(("name", "takes", "default", "meaning"), rows)


def declarations() -> Table:
    """Auctions with the guarantees that they declare."""
    rows = []
    for name, auction in auction_classes().items():
        promise = auction.guarantees
        rows.append(
            (
                name,
                _fields(promise.truthful_in),
                _yes(promise.individually_rational),
                _yes(promise.budget_feasible),
                _fields(promise.verified),
                _fields(promise.cannot_overstate),
                "planted" if auction.planted else "refuted" if auction.refuted else "",
            )
        )
    return _table(("name", "truthful in", "IR", "budget", "known", "cannot be overstated", ""), rows)


def first_line(part: Any) -> str:
    """First line of a part's own docstring."""
    return (inspect.getdoc(part) or "").partition("\n")[0]


def _described(parts: Mapping[str, Any]) -> Table:
    return _table(("name", "what it does"), ((name, first_line(part)) for name, part in parts.items()))


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column == "name")
    for row in rows:
        table.add_row(*row)
    return table


def _fields(fields: frozenset[str]) -> str:
    if fields == FIELDS:
        return "all three"
    return ", ".join(sorted(fields)).replace("_", " ") or "none"


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
