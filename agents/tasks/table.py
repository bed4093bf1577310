"""Any table of one's own, CSV or Parquet: a label column, numbers of declared ranges, words of declared vocabularies.

What is known of it stands in a TOML file of the same name beside it (``bank.toml`` for ``bank.csv``), or in the task's
options; docs/tables.md has UCI's bank marketing and adult data as examples. Nothing is fitted to the records.
"""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.tasks.base import StoredTask, stored_task
from agents.tasks.table_description import FIELDS, TableDescription, description_of, read_description
from agents.tasks.table_file import TableFile, read_table
from agents.text_files import shown

NAME = "table"
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
"""How numbers are written in tables: no ``nan``, no ``1_000``, which programs read differently."""


def load(
    data: str | Path | None = None,
    description: str | None = None,
    label: str | None = None,
    classes: Any = None,
    numeric: Any = None,
    logarithm: Any = None,
    words: Any = None,
    missing: Any = None,
    owner: str | None = None,
    columns: Any = None,
    separator: str | None = None,
    comment: str | None = None,
    test: Any = None,
    knowledge: str | None = None,
) -> StoredTask:
    """Read a table; every feature is a function of its own record and of what is declared.

    A number lies at its place between the ends of its range, from -1 to 1 (beyond them at the end, counted); a word is
    one of its vocabulary's indicators (outside the vocabulary it is none, counted). All are divided by the square root
    of the number of columns, so that a record is about 1 long.

    Parameters
    ----------
    data : str or Path
        The file: ``.parquet``, or text, with ``.gz`` at the end compressed.
    description : str, optional
        TOML file; by default the one beside the data, of the same name, if there is one.
    label, classes, numeric, logarithm, words, missing, owner, columns, separator, comment, test, knowledge : optional
        As in ``TableDescription``; each takes the place of what the description says.

    Raises
    ------
    TypeError, ValueError
        Naming file, line and column, what stands there, and the remedy.

    Warns
    -----
    UserWarning
        How many cells are outside their range or vocabulary, column by column.
    """
    given = dict(zip(FIELDS, (label, classes, numeric, logarithm, words, missing, owner, columns), strict=False))
    given.update(separator=separator, comment=comment, test=test, knowledge=knowledge)
    path, described = _described(data, description, given)
    train = read_table(path, described)
    if isinstance(described.test, str):
        tested = read_table(path.parent / described.test, described)
        records, test_records = _records(train, described), _records(tested, described)
        held = list(range(len(train.lines)))
    else:
        everything = _records(train, described)
        chosen = _test_records(len(train.lines), described.test)
        held = [record for record in range(len(train.lines)) if not chosen[record]]
        records, test_records = ((everything[0][some], everything[1][some]) for some in (~chosen, chosen))
    holder = None if described.owner is None else _holders(train, described.owner, held)
    return stored_task(
        NAME,
        len(described.class_names),
        train=(torch.from_numpy(records[0]), torch.from_numpy(records[1])),
        test=(torch.from_numpy(test_records[0]), torch.from_numpy(test_records[1])),
        knowledge=described.knowledge,
        class_names=described.class_names,
        holder=holder,
    )


def files(data: str | Path | None = None, description: str | None = None, **options: Any) -> tuple[Path, ...]:
    """Data, test data and description that ``load`` reads when given the same."""
    path, described = _described(data, description, options)
    toml = _description_file(path, description)
    other = (path.parent / described.test,) if isinstance(described.test, str) else ()
    return (path, *other, *(() if toml is None else (toml,)))


def _described(
    data: str | Path | None, description: str | None, given: dict[str, Any]
) -> tuple[Path, TableDescription]:
    if data is None:
        raise ValueError("task 'table' needs data: name a CSV or Parquet file (data=..., --data on the command line)")
    path = Path(data)
    if not path.is_file():
        raise ValueError(f"data = {str(data)!r} is no file; name a CSV or Parquet file")
    toml = _description_file(path, description)
    declared = {} if toml is None else read_description(toml)
    chosen = {name: value for name, value in given.items() if value is not None}
    return path, description_of("task_options" if toml is None else str(toml), {**declared, **chosen})


def _description_file(path: Path, description: str | None) -> Path | None:
    if description is not None:
        toml = path.parent / description
        if not toml.is_file():
            raise ValueError(f"description = {description!r}: {toml} is no file; name a TOML file beside the data")
        return toml
    beside = (path.with_suffix("") if path.suffix == ".gz" else path).with_suffix(".toml")
    return beside if beside.is_file() else None


def _test_records(records: int, share: float) -> NDArray[np.bool_]:
    """Which records are test records, at random but the same in every run and whatever they hold."""
    if records < 2:
        raise ValueError(f"test = {share:g}: one record cannot be divided into training and test; pass a file for test")
    chosen = np.zeros(records, dtype=np.bool_)
    count = min(max(round(share * records), 1), records - 1)
    chosen[np.random.Generator(np.random.PCG64(0)).permutation(records)[:count]] = True
    return chosen


def _records(table: TableFile, described: TableDescription) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features ``[r, F]`` and labels ``[r]``."""
    parts = [_numbers(table, column, described)[:, None] for column in described.numeric]
    parts += [_indicators(table, column, described) for column in described.words]
    columns = len(described.numeric) + len(described.words)
    return np.hstack(parts) / math.sqrt(columns), _labels(table, described)


def _labels(table: TableFile, described: TableDescription) -> NDArray[np.int64]:
    labels = [described.classes.get(cell, -1) for cell in table.columns[described.label]]
    if -1 in labels:
        record = labels.index(-1)
        known = ", ".join(map(repr, described.classes))
        raise table.refused(
            record,
            described.label,
            f"{shown(table.columns[described.label][record])} is none of the classes {known}; add it to them, or leave "
            "the record out",
        )
    return np.array(labels, dtype=np.int64)


def _numbers(table: TableFile, column: str, described: TableDescription) -> NDArray[np.float64]:
    """Places in the declared range ``[r]``, from -1 to 1; 0 where nothing is known."""
    low, high = described.numeric[column]
    values = np.empty(len(table.lines))
    for record, cell in enumerate(table.columns[column]):
        values[record] = math.nan if cell in described.missing else _number(cell)
        if math.isinf(values[record]):
            raise table.refused(record, column, f"{shown(cell)} is no number; mend it, or name it among the missing")
    known = np.asarray(~np.isnan(values), dtype=np.bool_)
    _refuse_unknown(table, column, known, "a number")
    outside = known & ((values < low) | (values > high))
    if outside.any():
        _warn(table, column, outside, f"outside {low:g} to {high:g}", "are read as the nearer end")
    places = (values.clip(low, high) - low) / (high - low)
    if column in described.logarithm:
        places = np.log1p(places * (high - low)) / math.log1p(high - low)
    return np.where(known, 2 * places - 1, 0.0)


def _number(cell: str) -> float:
    """The number that stands in a cell, infinite if there is none."""
    return float(cell) if NUMBER.fullmatch(cell) else math.inf


def _indicators(table: TableFile, column: str, described: TableDescription) -> NDArray[np.float64]:
    """Indicators ``[r, words of the vocabulary]``."""
    vocabulary = described.words[column]
    cells = np.array(table.columns[column], dtype=object)
    match = np.asarray(cells[:, None] == np.array(vocabulary, dtype=object), dtype=np.bool_)
    known = np.asarray(match.any(axis=1), dtype=np.bool_)
    _refuse_unknown(table, column, known, f"one of the {len(vocabulary)} words")
    outside = ~known & ~np.isin(cells, described.missing)
    if outside.any():
        _warn(table, column, outside, "outside the vocabulary", "are read without it")
    return match.astype(np.float64)


def _refuse_unknown(table: TableFile, column: str, known: NDArray[np.bool_], what: str) -> None:
    if not known.any():
        raise table.refused(
            0, column, f"{shown(table.columns[column][0])} is not {what}, nor is that of any line; see the description"
        )


def _warn(table: TableFile, column: str, which: NDArray[np.bool_], why: str, then: str) -> None:
    at = int(which.argmax())
    warnings.warn(
        f"{table.path}, column {column!r}: {int(which.sum())} of {len(which)} values are {why} (first "
        f"{shown(table.columns[column][at])}, line {table.lines[at]}); they {then}",
        stacklevel=6,
    )


def _holders(table: TableFile, column: str, records: list[int]) -> list[int]:
    """Who holds each record, numbered in the order of the texts' first places."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(table.columns[column][record], len(numbers)) for record in records]
