"""Where commands print what they found, and how a table keeps its words in a narrow terminal."""

from __future__ import annotations

import os
from typing import NoReturn

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

WIDTH = 120
"""Columns of a file or a pipe, which have no width of their own."""
NARROWEST = 16
"""Columns that the longest text of a table is left with at least; with less room its rows are stacked."""


class OutputConsole(Console):
    """Standard output; that its reader has gone is left to the command line to handle."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error that rich would turn into exit code 1."""
        raise BrokenPipeError


def output_console() -> OutputConsole:
    """A console as wide as the terminal; where there is none as ``COLUMNS`` says, or ``WIDTH``."""
    console = OutputConsole()
    # Rich would take 80 columns of a pipe that nobody gave a width.
    return console if console.is_terminal or os.environ.get("COLUMNS") else OutputConsole(width=WIDTH)


def fitted(part: RenderableType, console: Console) -> RenderableType:
    """A table as it fits the console: as it is, its longest text wrapped, or a record of lines for every row.

    No word is broken and no column left out. What is no table comes back as it is.
    """
    if not isinstance(part, Table):
        return part
    part.show_edge = False  # an empty line above and below
    unlimited = console.options.update(width=10_000)
    whole = Measurement.get(console, unlimited, part).maximum
    if whole <= console.width:
        return part
    widths = [_width(column, console) for column in part.columns]
    wrapped = max(range(len(widths)), key=lambda place: widths[place] if _is_text(part.columns[place]) else 0)
    room = console.width - (whole - widths[wrapped])
    column = part.columns[wrapped]
    longest = max((Measurement.get(console, unlimited, cell).minimum for cell in _cells(column)), default=0)
    if _is_text(column) and room >= max(longest, NARROWEST):
        column.width, column.no_wrap = room, False
        return part
    return _stacked(part)


def _cells(column: Column) -> list[RenderableType]:
    return [column.header, *column.cells]


def _width(column: Column, console: Console) -> int:
    unlimited = console.options.update(width=10_000)
    return max(Measurement.get(console, unlimited, cell).maximum for cell in _cells(column))


def _is_text(column: Column) -> bool:
    return column.justify == "left"


def _stacked(table: Table) -> Group:
    """Every row as lines of ``heading  value`` below its first cell; empty cells go."""
    parts: list[RenderableType] = [Text.from_markup(str(table.title), style="bold")] if table.title else []
    for row in zip(*(list(column.cells) for column in table.columns), strict=True):
        lines = Table.grid(padding=(0, 2))
        lines.add_column(no_wrap=True, style="dim")
        lines.add_column(overflow="fold")
        for column, cell in list(zip(table.columns, row, strict=True))[1:]:
            if str(cell):
                heading = str(column.header)
                lines.add_row(f"  {heading}", cell)
        parts += [row[0] if isinstance(row[0], Text) else Text.from_markup(str(row[0]), style="bold"), lines]
    return Group(*parts)
