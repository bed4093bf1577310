"""What the studies of strategic owners share: several markets, several seeds, a table of intervals, a sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from agents.checks import MAX_SEED, whole
from analysis.intervals import Interval
from analysis.summary import stacked
from market_sim import MarketConfig, run_market
from market_sim.model import configured
from scenarios.commands.answer import WIDTH, Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

Row = Mapping[str, Any]
"""A row of a table: names, whole numbers, floats and intervals by column."""
PROCESSES = 2
ROUNDING = 1e-9
"""Of an owner's cost: the same money added up in another order may differ by less."""


@dataclass(frozen=True)
class Played:
    """The tables of one market under several seeds, with a column ``seed``."""

    rounds: pd.DataFrame
    trades: pd.DataFrame


@dataclass(frozen=True)
class Finding:
    """What a study found.

    Parameters
    ----------
    sentences : sequence of str
        The answer, worked out from the numbers.
    tables : mapping of str to sequence of rows
        The numbers, by the heading of their table.
    picture : Figure
    note : str
        What the numbers are, below the tables.
    further : mapping of str to sequence of rows
        Numbers that are too many for the page.
    """

    sentences: Sequence[str]
    tables: Mapping[str, Sequence[Row]]
    picture: Figure
    note: str
    further: Mapping[str, Sequence[Row]] = field(default_factory=dict)


def adapted(market: MarketConfig, fields: Mapping[str, Any] | None, *, compared: Collection[str]) -> MarketConfig:
    """Return the study's market with some fields replaced, but none of those that it compares.

    Raises
    ------
    TypeError, ValueError
        If a field is unknown, refused, or one that the study sets itself.
    """
    for name in fields or {}:
        if name in compared:
            raise ValueError(f"field {name!r} is what this study compares; set another, or `market-sim run market`")
    return configured(market, dict(fields or {}))


def play(
    name: str,
    markets: Mapping[str, MarketConfig],
    find: Callable[[Mapping[str, Played]], Finding],
    *,
    seed: int,
    repetitions: int,
    out: Path,
    progress: bool,
    processes: int = PROCESSES,
) -> Answer:
    """Play every market with every seed, write the runs, the picture and the page to ``out``, and answer.

    Parameters
    ----------
    name : str
        Of the scenario; the picture is called so.
    markets : mapping of str to MarketConfig
        By the name under which ``find`` asks for them; one run directory each and per seed.
    find : callable
        From what was played to the finding.
    seed, repetitions : int
        Seeds ``repetitions * seed`` and those after it.
    out : Path
    progress : bool
    processes : int
        How many runs are played at a time; their number changes no figure.
    """
    whole("repetitions", repetitions, minimum=1)
    seeds = [each % (MAX_SEED + 1) for each in range(repetitions * seed, repetitions * (seed + 1))]
    played = {
        "scenario": name,
        "seed": seed,
        "repetitions": repetitions,
        "markets": {key: market.as_json() for key, market in markets.items()},
    }
    with scenario_directory(out, played) as folder:
        jobs = [(key, each) for each in seeds for key in markets]
        runs = Parallel(n_jobs=processes, return_as="generator")(
            delayed(_run)(markets[key], each, folder / f"{key}-{each}") for key, each in jobs
        )
        tables: dict[str, dict[int, tuple[pd.DataFrame, pd.DataFrame]]] = {key: {} for key in markets}
        with bar(progress, "Playing markets", len(jobs)) as advance:
            for (key, each), table in zip(jobs, runs, strict=True):
                tables[key][each] = table
                advance(f"{key}, seed {each}")
        found = find(
            {
                key: Played(*(stacked({each: table[part] for each, table in by_seed.items()}) for part in (0, 1)))
                for key, by_seed in tables.items()
            }
        )
        return answer_of(name, found, folder, out)


def answer_of(name: str, found: Finding, folder: Path, out: Path) -> Answer:
    """Write picture and page of a finding to ``folder``, which is going to be ``out``, and return the answer."""
    found.picture.savefig(folder / f"{name}.png", dpi=110)
    page = page_of(found, out)
    with (folder / "result.txt").open("w", encoding="utf-8") as file:
        console = Console(file=file, width=WIDTH)
        for part in page:
            console.print(part)
    figures = {
        "sentences": list(found.sentences),
        **{key: numbers(rows) for key, rows in {**found.tables, **found.further}.items()},
    }
    return Answer(figures=figures, page=page)


def page_of(found: Finding, out: Path) -> tuple[RenderableType, ...]:
    """Sentences, tables, what they mean and where the files are."""
    parts: list[RenderableType] = [Text(sentence, style="bold") for sentence in found.sentences]
    for heading, rows in found.tables.items():
        parts += [Text(f"\n{heading.capitalize()}"), _table(rows)]
    return (*parts, Text(found.note), Text(f"Runs, figure and this page: {out}"))


def numbers(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows as plain numbers: an interval x becomes x, x_low and x_high."""
    result = []
    for row in rows:
        plain: dict[str, Any] = {}
        for name, value in row.items():
            if isinstance(value, Interval):
                plain |= {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
            else:
                plain[name] = value
        result.append(plain)
    return result


def written(value: Any, digits: int | None = None) -> str:
    """Return a number or an interval as a reader wants it; by default with two or three digits that count."""
    if isinstance(value, Interval):
        places = _places(max(map(_size, (value.mean, value.low, value.high)))) if digits is None else digits
        middle = written(value.mean, places)
        if not (np.isfinite(value.low) and np.isfinite(value.high)):
            return middle
        return f"{middle} [{written(value.low, places)}, {written(value.high, places)}]"
    if isinstance(value, float):
        places = _places(_size(value)) if digits is None else digits
        # Adding nothing turns -0 into 0.
        return "" if np.isnan(value) else f"{round(value, places) + 0.0:,.{places}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def verdicts(gains: Mapping[str, Interval]) -> str:
    """Say with what something gained, lost, changed nothing or did none of these for certain, by its interval."""
    found: dict[str, list[str]] = {}
    for name, gain in gains.items():
        found.setdefault(_verdict(gain), []).append(name)
    return ", ".join(f"{verdict} with {_listed(names)}" for verdict, names in found.items())


def _verdict(gain: Interval) -> str:
    if gain.low > ROUNDING:
        return "gained"
    if gain.high < -ROUNDING:
        return "lost"
    if max(abs(gain.low), abs(gain.high)) <= ROUNDING:
        return "changed nothing"
    return "neither gained nor lost for certain"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _places(size: float) -> int:
    return 3 if size < 0.1 else 2 if size < 100 else 0


def _size(number: float) -> float:
    return abs(number) if np.isfinite(number) else 0.0


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name, value in (rows[0] if rows else {}).items():
        text = isinstance(value, str)
        widest = max((len(word) for row in rows for word in str(row[name]).split()), default=0) if text else None
        justify: Literal["left", "right"] = "left" if text else "right"
        table.add_column(name.replace("_", " "), justify=justify, no_wrap=not text, min_width=widest)
    for row in rows:
        table.add_row(*(written(value) for value in row.values()))
    return table


def _run(market: MarketConfig, seed: int, out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    with torch_threads(1):
        results = run_market(market, seed=seed, out=out)
    return results.rounds, results.trades
