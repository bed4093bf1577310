"""Tables as Parquet files whose bytes depend on the rows alone, written and read a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from agents.files import flush

ROWS_A_GROUP = 1 << 16
"""Rows in every row group but the last."""


def write_table(file: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write rows that come in pieces of any size; however they are cut, the same rows give the same bytes.

    Parameters
    ----------
    file : Path
    schema : pyarrow.Schema
    tables : iterable of pyarrow.Table
        At most ``ROWS_A_GROUP`` rows and a piece are held at a time.
    """
    options = {"version": "2.6", "compression": "zstd", "compression_level": 3, "store_schema": False}
    with pq.ParquetWriter(file, schema, **options) as writer:
        held: list[pa.Table] = []
        rows = 0
        for table in tables:
            held.append(table)
            rows += len(table)
            if rows < ROWS_A_GROUP:
                continue
            joined = pa.concat_tables(held)
            whole = rows - rows % ROWS_A_GROUP
            for start in range(0, whole, ROWS_A_GROUP):
                writer.write_table(joined.slice(start, ROWS_A_GROUP).combine_chunks())
            held, rows = [joined.slice(whole)], rows - whole
        if rows:
            writer.write_table(pa.concat_tables(held).combine_chunks())
    flush(file)


def read_pieces(file: Path) -> Iterator[pa.Table]:
    """Rows of a file, a piece at a time.

    Raises
    ------
    ValueError
        If the file is damaged, naming it.
    """
    try:
        with pq.ParquetFile(file) as source:
            for batch in source.iter_batches(ROWS_A_GROUP):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} cannot be read ({error})") from None
