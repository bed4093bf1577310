"""Owners of one's own, from a CSV file or a table: one line per owner, who is numbered by its place from 0.

Columns are ``family`` and ``factor`` (of the paper's valuations) or ``cost@0.5``, ``cost@1``, ... (a tabulated curve:
money per record at these privacy losses, straight in between and from 0), then ``privacy_budget`` and ``data_size``.
Where a file has both kinds, every line fills one of them. A column ``owner``, if there is one, repeats the number.
Columns of other names are the user's own (``own_columns``): the market hands them on, to the trades.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from agents.checks import MAX_RECORDS, one_of
from agents.prior import LARGEST_FACTOR, LARGEST_PRIVACY_BUDGET, MIN_PRIVACY_BUDGET
from agents.text_files import LONGEST_CELL, lines_of, shown
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, MixedValuation, ParametricValuation, TabulatedValuation, Valuation

CURVE = "cost@"
"""Begins the name of a column of a tabulated curve; its privacy loss follows."""

LONGEST_LINE = 100_000
"""Characters of a line; a damaged file can have lines that no parser takes."""

EXTRA_CELLS = "cells beyond the last column"
PARAMETRIC = ("family", "factor")
KNOWN = ("owner", *PARAMETRIC, "privacy_budget", "data_size")
"""Columns that say something of an owner as a bidder, besides those of a curve."""


@dataclass(frozen=True)
class _Line:
    """One line of the file, and how to refuse it."""

    where: str
    number: int
    cells: dict[str, str]

    def real(self, column: str, *, minimum: float, maximum: float) -> float:
        """A number within a range."""
        text = self.cells.get(column, "")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not minimum <= value <= maximum:
            raise self.refused(column, f"{shown(text)} is no number between {minimum:g} and {maximum:g}")
        return value

    def refused(self, column: str, why: str) -> ValueError:
        """An error that names line and column."""
        return ValueError(f"{self.where}, line {self.number}, column {column!r}: {why}")


def read_owners(source: str | Path | Sequence[Mapping[str, Any]]) -> OwnerTypes:
    """Read owners ``[1, N]`` from a CSV file, or from the rows of a table.

    Parameters
    ----------
    source : str, Path or sequence of mapping
        The file's path, or a mapping of column to value for each owner; messages call owner 0's line 2, below the
        names of the columns, in both cases.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the line and the column, what stands there, and what should.
    """
    header, lines = _read(source)
    curve = _curve_columns(header)
    size = [_size(line) for line in lines]
    for index, line in enumerate(lines):
        if "owner" in header and line.cells["owner"] != str(index):
            raise line.refused(
                "owner", f"{shown(line.cells['owner'])} stands in the line of owner {index}; number from 0"
            )
    return OwnerTypes(
        valuation=_valuation(lines, curve),
        privacy_budget=torch.tensor([[_budget(line, curve) for line in lines]], dtype=torch.float64),
        data_size=torch.tensor([size]),
    )


def own_columns(source: str | Path | Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of a table of owners that are the user's own, one value per owner.

    A column is of whole numbers, of numbers or of truth values where all its cells are, else text; an empty cell is
    None. Raises as ``read_owners`` does.
    """
    header, lines = _read(source)
    return {name: _values([line.cells[name] for line in lines]) for name in header if _is_own(name)}


def _read(source: str | Path | Sequence[Mapping[str, Any]]) -> tuple[list[str], list[_Line]]:
    """The names of the columns, and the lines that are not empty."""
    where = str(source) if isinstance(source, str | Path) else "population"
    text = _lines(source)
    _check_first_line(where, text[0])
    for number, characters in enumerate(map(len, text), start=1):
        if characters > LONGEST_LINE:
            raise ValueError(f"{where}, line {number} has {characters} characters; is the file damaged?")
    reader = csv.DictReader(text, skipinitialspace=True, restkey=EXTRA_CELLS)
    header = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    _check_columns(where, header)
    lines = []
    for row in reader:
        extra = row.pop(EXTRA_CELLS, [])
        cells = {name: (text or "").strip() for name, text in row.items()}
        if any(text.strip() for text in extra):
            raise ValueError(
                f"{where}, line {reader.line_num}: {len(header) + len(extra)} cells under {len(header)} columns; "
                "write decimal points, not commas, and one cell for each column"
            )
        if any(cells.values()):
            lines.append(_Line(where, reader.line_num, cells))
    if not lines:
        raise ValueError(f"{where} has no owners: write one line for each")
    return header, lines


def _lines(source: str | Path | Sequence[Mapping[str, Any]]) -> list[str]:
    """The table as lines of CSV."""
    if isinstance(source, str | Path):
        if not Path(source).is_file():
            raise FileNotFoundError(f"population = {str(source)!r} is no file; pass a CSV file of owners")
        return lines_of(Path(source))
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in source for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if _is_missing(value) else value for name, value in row.items()} for row in source)
    return text.getvalue().split("\n")


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _check_first_line(where: str, header: str) -> None:
    """Refuse tables whose cells are not separated by commas, and whose first column is only a number of the line."""
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if sign in header and "," not in header:
            raise ValueError(
                f"{where}, line 1: its cells are separated by {name}; "
                "save it with commas between cells and points in numbers"
            )
    if header.startswith((",", '"",', "Unnamed: 0,")):
        raise ValueError(
            f"{where}, line 1: the first column has no name, like an index of pandas; save with index=False"
        )


def _is_own(name: str) -> bool:
    """Whether a column is the user's own."""
    return name not in KNOWN and not name.startswith(CURVE)


def _check_columns(where: str, header: Sequence[str]) -> None:
    """Refuse columns that are missing, doubled or without a name, and names that look like a slip of a known one."""
    if any(header) and all(map(_is_own, header)):
        raise ValueError(f"{where}, line 1: it names none of the columns; begin with {','.join(KNOWN[1:])}")
    curve: set[float] = set()
    for name in header:
        if name.startswith(CURVE):
            level = _level(name)
            if not 0 < level <= LARGEST_PRIVACY_BUDGET or level in curve:
                raise ValueError(f"{where}, line 1, column {name!r}: write each privacy loss once, e.g. {CURVE}0.5")
            curve.add(level)
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise ValueError(f"{where}, line 1, column {doubled[0]!r}: the column stands there twice")
    needed = [*(() if curve else PARAMETRIC), "privacy_budget", "data_size"]
    missing = [name for name in needed if name not in header]
    absent = [name for name in KNOWN if name not in header]
    for name in filter(_is_own, header):
        similar = difflib.get_close_matches(
            name.lower().replace(" ", "_"), absent, n=1, cutoff=0.5 if missing else 0.75
        )
        if similar or not name:
            one_of(f"{where}, line 1, column", name, KNOWN)
    if missing:
        raise ValueError(f"{where}, line 1: column {missing[0]!r} is missing; needed: {', '.join(needed)}")


def _curve_columns(header: Sequence[str]) -> dict[float, str]:
    """Columns of the tabulated curve by privacy loss, ascending."""
    return dict(sorted((_level(name), name) for name in header if name.startswith(CURVE)))


def _level(name: str) -> float:
    """The privacy loss of a column of a curve; not a number where there is none."""
    try:
        return float(name.removeprefix(CURVE))
    except ValueError:
        return math.nan


def _values(cells: Sequence[str]) -> list[Any]:
    """Cells of one column as what they all are."""
    filled = [text for text in cells if text]
    kinds: list[tuple[Any, Any]] = [
        (lambda text: text in ("True", "False"), lambda text: text == "True"),
        (lambda text: text.lstrip("-").isdecimal() and len(text) < 18 and str(int(text)) == text, int),
        (_is_number, float),
    ]
    for fits, read in kinds:
        if filled and all(map(fits, filled)):
            return [read(text) if text else None for text in cells]
    return [text or None for text in cells]


def _is_number(text: str) -> bool:
    """Whether a cell is a number, and not a code such as 007."""
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and not (text.lstrip("-").startswith("0") and text.lstrip("-")[1:2].isdecimal())


def _size(line: _Line) -> int:
    text = line.cells.get("data_size", "")
    whole = text.removesuffix(".0")  # as tables write whole numbers where a column has gaps
    if not (whole.isascii() and whole.isdigit() and len(whole) < LONGEST_CELL and 1 <= int(whole) <= MAX_RECORDS):
        raise line.refused("data_size", f"{shown(text)} is no whole number of records from 1 to {MAX_RECORDS:.0e}")
    return int(whole)


def _budget(line: _Line, curve: dict[float, str]) -> float:
    maximum = LARGEST_PRIVACY_BUDGET if _is_parametric(line, curve) else max(curve)
    return line.real("privacy_budget", minimum=MIN_PRIVACY_BUDGET, maximum=maximum)


def _is_parametric(line: _Line, curve: dict[float, str]) -> bool:
    """Whether a line names a family and not a curve; it has to choose."""
    family = bool(line.cells.get("family"))
    filled = [name for name in curve.values() if line.cells.get(name)]
    if family and filled:
        raise line.refused(filled[0], "the line also names a family; write the one or the other")
    if not family and not filled:
        raise line.refused("family", f"'' is no family; write one out of {', '.join(FAMILIES)}")
    return family


def _valuation(lines: Sequence[_Line], curve: dict[float, str]) -> Valuation:
    parametric = [_is_parametric(line, curve) for line in lines]
    family, factor, table = [], [], []
    for line, is_parametric in zip(lines, parametric, strict=True):
        name = line.cells.get("family", "").replace("-", "_").lower() if is_parametric else FAMILIES[0]
        if name not in FAMILIES:
            raise line.refused(
                "family", f"{shown(line.cells['family'])} is no family; write one out of {', '.join(FAMILIES)}"
            )
        family.append(FAMILIES.index(name))
        factor.append(line.real("factor", minimum=0.0, maximum=LARGEST_FACTOR) if is_parametric else 0.0)
        table.append([0.0] * len(curve) if is_parametric else _curve(line, curve))
    named = ParametricValuation(family=torch.tensor([family]), factor=torch.tensor([factor], dtype=torch.float64))
    if all(parametric):
        return named
    drawn = TabulatedValuation(
        levels=torch.tensor(list(curve), dtype=torch.float64), cost=torch.tensor([table], dtype=torch.float64)
    )
    return MixedValuation(mask=torch.tensor([parametric]), first=named, second=drawn) if any(parametric) else drawn


def _curve(line: _Line, curve: dict[float, str]) -> list[float]:
    cost: list[float] = []
    for column in curve.values():
        cost.append(line.real(column, minimum=0.0, maximum=LARGEST_FACTOR))
        if len(cost) > 1 and cost[-1] < cost[-2]:
            raise line.refused(
                column, f"{cost[-1]:g} is less than {cost[-2]:g}; a cost may not fall as privacy loss grows"
            )
    return cost
