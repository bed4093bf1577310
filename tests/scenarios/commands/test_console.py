"""A table in a narrow terminal keeps its words: wrapped in one place, or a record of lines for every row."""

from __future__ import annotations

import io

import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from scenarios.commands.console import WIDTH, fitted, output_console

PROMISE = "nobody sells more privacy than she offered"
NUMBER = "-19.22 [-20.33, -18.22]"


def table(numbers: int) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("promise")
    for place in range(numbers):
        shown.add_column(f"number {place}", justify="right", no_wrap=True)
    shown.add_row(PROMISE, *[NUMBER] * (numbers - 1), "")
    return shown


def printed(part: Table, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(fitted(part, console))
    return console.file.getvalue().splitlines()


def test_a_table_with_room_is_as_it_is_without_empty_lines():
    heading, rule, row = printed(table(2), 120)
    assert heading.startswith("promise")
    assert set(rule.strip()) == {"─"}
    assert row.startswith(PROMISE)
    assert NUMBER in row


def test_in_less_room_its_longest_text_is_wrapped_between_words():
    lines = printed(table(2), 60)
    assert all(len(line.rstrip()) <= 60 for line in lines)
    assert NUMBER in lines[2]
    assert " ".join(line[:26].strip() for line in lines[2:]) == PROMISE


def test_in_no_room_every_row_is_a_record_and_empty_cells_go():
    assert [line.rstrip() for line in printed(table(4), 60)] == [
        PROMISE,
        f"  number 0  {NUMBER}",
        f"  number 1  {NUMBER}",
        f"  number 2  {NUMBER}",
    ]


@pytest.mark.parametrize(("columns", "width"), [(None, WIDTH), ("80", 80), ("200", 200)])
def test_a_pipe_is_as_wide_as_columns_says(monkeypatch, columns, width):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    assert output_console().width == width
