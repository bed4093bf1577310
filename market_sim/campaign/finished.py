"""What a campaign found: the tables and figures of its jobs, in the order of their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from market_sim.campaign.job import in_order
from market_sim.campaign.store import Entry, Store
from market_sim.parquet import write_table


@dataclass(frozen=True)
class Finished:
    """Jobs that are done, and those that failed.

    Parameters
    ----------
    store : Store
    entries : mapping of str to Entry
        By key, in order.
    failed : mapping of str to Entry
    """

    store: Store
    entries: Mapping[str, Entry]
    failed: Mapping[str, Entry]

    @classmethod
    def of(cls, store: Store, keys: Iterable[str]) -> Finished:
        """Whatever is done of these jobs, by this call or an earlier one."""
        done = store.done()
        return cls(store, {key: done[key] for key in in_order(keys) if key in done}, {})

    def figures(self, key: str) -> Mapping[str, Any]:
        """Figures of one job."""
        return self.entries[key].figures

    def table(self, key: str, kind: str) -> pa.Table:
        """Read a table of one job."""
        found: pa.Table = self.store.read(self.entries[key], kind)
        return found

    def frame(self, key: str, kind: str) -> pd.DataFrame:
        """Read a table of one job as a DataFrame."""
        return self.table(key, kind).to_pandas()

    def tables(self, kind: str) -> Iterator[tuple[str, pa.Table]]:
        """Read the tables of one kind, one job after another; jobs without one are left out."""
        return ((key, self.table(key, kind)) for key, entry in self.entries.items() if kind in entry.places)

    def join(self, kind: str, file: Path, schema: pa.Schema, first: Callable[[str], Mapping[str, Any]]) -> None:
        """Write the tables of one kind into one Parquet file, holding one job's at a time.

        The bytes depend on keys and rows alone: not on the order in which the jobs were played, nor on who played them.

        Parameters
        ----------
        kind : str
        file : Path
        schema : pyarrow.Schema
            Columns, those of ``first`` included.
        first : callable
            From a key to the values of columns that are the same in all its rows.
        """

        def piece(key: str, table: pa.Table) -> pa.Table:
            constant = {name: pa.repeat(pa.scalar(value, schema.field(name).type), len(table))
                        for name, value in first(key).items()}  # fmt: skip
            columns = {**constant, **{name: table[name] for name in table.column_names}}
            return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)

        write_table(file, schema, (piece(key, table) for key, table in self.tables(kind)))
