"""What a study found, in sentences, tables and a picture, and how its numbers are written for a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from agents.surplus import ROUNDING
from analysis.intervals import Interval
from scenarios.commands.answer import Answer
from scenarios.commands.console import WIDTH, fitted

Row = Mapping[str, Any]
"""A row of a table: names, whole numbers, floats and intervals by column."""


@dataclass(frozen=True)
class StudyFinding:
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
    extra_tables : mapping of str to sequence of rows
        Numbers that are too many for the summary: in the figures only.
    """

    sentences: Sequence[str]
    tables: Mapping[str, Sequence[Row]]
    picture: Figure
    note: str
    extra_tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)


def write_finding(name: str, finding: StudyFinding, folder: Path, out: Path) -> Answer:
    """Write picture and summary of a finding to ``folder``, which is going to be ``out``, and return the answer."""
    finding.picture.savefig(folder / f"{name}.png", dpi=110)
    summary = study_summary(finding, out)
    with (folder / "result.txt").open("w", encoding="utf-8") as file:
        console = Console(file=file, width=WIDTH)
        for part in summary:
            console.print(fitted(part, console))
    figures = {
        "sentences": list(finding.sentences),
        **{key: plain_numbers(rows) for key, rows in {**finding.tables, **finding.extra_tables}.items()},
    }
    return Answer(figures=figures, summary=summary)


def study_summary(finding: StudyFinding, out: Path) -> tuple[RenderableType, ...]:
    """Sentences, tables, what they mean and where the files are."""
    parts: list[RenderableType] = [Text(sentence, style="bold") for sentence in finding.sentences]
    for heading, rows in finding.tables.items():
        parts += [Text(f"\n{heading.capitalize()}"), _table(rows)]
    return (*parts, Text(finding.note), Text(f"Runs, figure and this summary: {out}"))


def plain_numbers(rows: Sequence[Row]) -> list[dict[str, Any]]:
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


def format_number(value: Any, digits: int | None = None) -> str:
    """Return a number or an interval as text; by default with two or three significant digits."""
    if isinstance(value, Interval):
        places = _places(max(map(_size, (value.mean, value.low, value.high)))) if digits is None else digits
        middle = format_number(value.mean, places)
        if not (np.isfinite(value.low) and np.isfinite(value.high)):
            return middle
        return f"{middle} [{format_number(value.low, places)}, {format_number(value.high, places)}]"
    if isinstance(value, float):
        places = _places(_size(value)) if digits is None else digits
        # Adding nothing turns -0 into 0.
        return "" if np.isnan(value) else f"{round(value, places) + 0.0:,.{places}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def verdicts(gains: Mapping[str, Interval]) -> str:
    """Say with what something gained, lost, changed nothing or did none of these for certain, by its interval."""
    by_verdict: dict[str, list[str]] = {}
    for name, gain in gains.items():
        by_verdict.setdefault(_verdict(gain), []).append(name)
    return ", ".join(f"{verdict} with {_enumerate(names)}" for verdict, names in by_verdict.items())


def _verdict(gain: Interval) -> str:
    """What is certain of a mean gain per cost; whether a single lie paid is ``agents.surplus.pays``."""
    if gain.low > ROUNDING:
        return "gained"
    if gain.high < -ROUNDING:
        return "lost"
    if max(abs(gain.low), abs(gain.high)) <= ROUNDING:
        return "changed nothing"
    return "neither gained nor lost for certain"


def _enumerate(names: Sequence[str]) -> str:
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
        table.add_row(*(format_number(value) for value in row.values()))
    return table
