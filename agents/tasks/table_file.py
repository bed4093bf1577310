"""Tables as people hand them over, CSV or Parquet: checked line by line, damage named by file, line and column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.checks import one_of
from agents.tasks.table_description import TableDescription
from agents.text_files import shown, split_lines, text_of

SEPARATORS = ",;\t|"
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class TableFile:
    """The columns of a table that are used, as texts.

    Parameters
    ----------
    path : Path
    columns : dict of str to list of str
        Cells without blanks around them.
    lines : list of int
        Line of the file in which every record stands; of a Parquet file its row, from 1.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def refused(self, record: int, column: str, why: str) -> ValueError:
        """An error that names file, line and column."""
        return ValueError(f"{self.path}, line {self.lines[record]}, column {column!r}: {why}")


def read_table(path: Path, described: TableDescription) -> TableFile:
    """Read the columns that a description uses.

    Raises
    ------
    ValueError
        If the file is missing or empty, a line is broken, or a column is not there.
    """
    if not path.is_file():
        raise ValueError(f"data = {str(path)!r} is no file; name a CSV or Parquet file")
    name = path.with_suffix("") if path.suffix == ".gz" else path
    if name.suffix.lower() in PARQUET:
        return _parquet(path, described)
    lines = split_lines(text_of(path))
    kept = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not (described.comment and line.startswith(described.comment))
    ]
    if not kept:
        raise ValueError(f"{path} is empty; write one line for each record")
    separator = described.separator or max(SEPARATORS, key=kept[0][1].count)
    rows = [(number, _cells(path, number, line, separator)) for number, line in kept]
    header = list(described.columns) if described.columns else rows[0][1]
    if not described.columns:
        rows = rows[1:]
    _check_header(path, header, described, separator)
    if not rows:
        raise ValueError(f"{path} has no record below the names of its columns; write one line for each")
    for number, cells in rows:
        if len(cells) != len(header):
            raise ValueError(
                f"{path}, line {number}: {len(cells)} cells under {len(header)} columns (separated by {separator!r}); "
                "is the line broken, or a quote missing?"
            )
    places = {column: header.index(column) for column in described.used}
    columns = {column: [cells[place] for _, cells in rows] for column, place in places.items()}
    return TableFile(path, columns, [number for number, _ in rows])


def _cells(path: Path, number: int, line: str, separator: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}, line {number}: {error} in {shown(line)}; mend its quotes") from None
    return [cell.strip() for cell in cells]


def _check_header(path: Path, header: Sequence[str], described: TableDescription, separator: str) -> None:
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise ValueError(f"{path}: column {twice[0]!r} stands there twice; rename one")
    for column in described.used:
        if column not in header and len(header) == 1 and separator not in header[0]:
            raise ValueError(
                f"{path}, line 1: one column only, {shown(header[0])}; say how cells are separated (separator)"
            )
        one_of(f"{path}: column", column, header)


def _parquet(path: Path, described: TableDescription) -> TableFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        _check_header(path, names, described, "")
        table = pq.read_table(path, columns=list(described.used))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}); write it again") from None
    if not len(table):
        raise ValueError(f"{path} has no record; write one row for each")
    columns = {
        name: ["" if cell is None or cell != cell else str(cell).strip() for cell in table[name].to_pylist()]
        for name in described.used
    }
    return TableFile(path, columns, list(range(1, len(table) + 1)))
