"""The rows of a run as they come: first in memory, then in closed Parquet files, read again a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from market_sim.parquet import read_pieces, write_table
from market_sim.tables import TABLES


class RowStore:
    """Rows of all tables of a run, in the order in which they came.

    Attributes
    ----------
    rows : dict of str to int
        How many there are, by table.
    """

    def __init__(self) -> None:
        self.rows = dict.fromkeys(TABLES, 0)
        self._files: dict[str, list[Path]] = {name: [] for name in TABLES}
        self._held: dict[str, list[pa.Table]] = {name: [] for name in TABLES}

    def add(self, columns: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Take rows as columns of Python values by table, ``None`` where there is none."""
        for name, schema in TABLES.items():
            table = pa.Table.from_pydict(dict(columns[name]), schema=schema)
            if len(table):
                self._held[name].append(table)
                self.rows[name] += len(table)

    @property
    def held_rows(self) -> int:
        """Rows in memory."""
        return sum(len(table) for tables in self._held.values() for table in tables)

    def close_part(self, stem: Path) -> list[Path]:
        """Move the rows in memory to files ``STEM-TABLE.parquet``, one per table that has any; return them."""
        written = []
        for name, schema in TABLES.items():
            if self._held[name]:
                file = stem.with_name(f"{stem.name}-{name}.parquet")
                write_table(file, schema, self._held[name])
                written.append(file)
        for file in written:
            self._forget(file)
        return written

    def open_part(self, file: Path) -> None:
        """Take the rows of a file that ``close_part`` wrote.

        Raises
        ------
        ValueError
            If it is none.
        """
        name = _table_of(file)
        try:
            count = pq.read_metadata(file).num_rows
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{file} cannot be read ({error})") from None
        self._files[name].append(file)
        self.rows[name] += count

    def pieces(self, name: str) -> Iterator[pa.Table]:
        """Rows of a table, a piece at a time."""
        for file in self._files[name]:
            yield from read_pieces(file)
        yield from self._held[name]

    def frame(self, name: str) -> pd.DataFrame:
        """All rows of a table."""
        return pa.concat_tables([TABLES[name].empty_table(), *self.pieces(name)]).to_pandas()

    def _forget(self, file: Path) -> None:
        name = _table_of(file)
        self._held[name] = []
        self._files[name].append(file)


def _table_of(file: Path) -> str:
    name = file.stem.rpartition("-")[2]
    if name not in TABLES:
        raise ValueError(f"{file} holds none of the tables of a run")
    return name
