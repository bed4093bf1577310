"""Objects that show themselves: a heading and a short table, as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Shown:
    """What an object shows of itself.

    Parameters
    ----------
    heading : str
        What it is, and how it came out.
    table : pandas.DataFrame
        A few rows; the index is not shown.
    notes : tuple of str
        Sentences below the table.
    """

    heading: str
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """As lines: words to the left, numbers to the right."""
        return "\n".join([self.heading, *_lines(self.table), *self.notes])

    def html(self) -> str:
        """As HTML without style of its own."""
        head = "".join(f"<th>{escape(str(name))}</th>" for name in self.table.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell(value))}</td>" for value in row) + "</tr>"
            for row in self.table.itertuples(index=False, name=None)
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f"<div><p><b>{escape(self.heading)}</b></p><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table>{notes}</div>"
        )


class ShowsItself(ABC):
    """Prints what ``shown`` returns; a notebook shows it as a table."""

    @abstractmethod
    def shown(self) -> Shown:
        """What is shown of it."""

    def __str__(self) -> str:
        return self.shown().text()

    def __repr__(self) -> str:
        return self.shown().text()

    def _repr_html_(self) -> str:
        return self.shown().html()


def cell(value: Any) -> str:
    """A value as a cell shows it: numbers with four digits, nothing for what is missing."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _lines(table: pd.DataFrame) -> Iterator[str]:
    columns = []
    for name in table.columns:
        values = table[name].tolist()
        texts = [str(name), *(cell(value) for value in values)]
        width = max(map(len, texts))
        numbers = all(isinstance(value, int | float) or value is None for value in values)
        columns.append([text.rjust(width) if numbers else text.ljust(width) for text in texts])
    rows: Sequence[tuple[str, ...]] = list(zip(*columns, strict=True))
    for row in rows:
        yield ("  " + "  ".join(row)).rstrip()
