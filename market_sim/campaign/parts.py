"""Parts: files to which one process adds the tables of one job after another, each readable as soon as it is there.

A part is a row of Arrow streams. Unlike a Parquet file, which can be read once it is closed, it is complete after
every job: whoever is killed loses nothing that was finished, and there are as many files as processes, not as jobs.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from agents.files import flush

Places = dict[str, tuple[int, int, int]]
"""Where the tables of a job are in a part, by kind: offset, bytes, and a checksum of them."""


def packed(tables: Mapping[str, pa.Table | pd.DataFrame]) -> tuple[bytes, Places]:
    """Return tables as bytes, and where each is in them."""
    content, places = b"", {}
    for kind, table in tables.items():
        arrow = pa.Table.from_pandas(table, preserve_index=False) if isinstance(table, pd.DataFrame) else table
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, arrow.schema.remove_metadata(), options=options) as stream:
            stream.write_table(arrow.replace_schema_metadata(None))
        found = sink.getvalue().to_pybytes()
        places[kind] = (len(content), len(found), zlib.crc32(found))
        content += found
    return content, places


def add(part: Path, content: bytes) -> int:
    """Add bytes to a part, and return where they begin; when this returns they are on disk."""
    new = not part.exists()
    with part.open("ab") as file:
        start = file.seek(0, os.SEEK_END)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if new:
        flush(part.parent)
    return start


def read(part: Path, start: int, place: Any) -> pa.Table:
    """Read one table of a part.

    Raises
    ------
    ValueError
        If the part is damaged, naming it and the remedy.
    """
    content = _content(part, start, place)
    if content is None:
        raise ValueError(f"{part} is damaged; the command that wrote it plays again what is lost, and goes on")
    return pa.ipc.open_stream(content).read_all()


def intact(part: Path, start: int, places: Mapping[str, Any]) -> bool:
    """Whether all tables of a job are there as they were written."""
    return all(_content(part, start, place) is not None for place in places.values())


def _content(part: Path, start: int, place: Any) -> bytes | None:
    offset, length, checksum = place
    try:
        with part.open("rb") as file:
            file.seek(start + offset)
            content = file.read(length)
    except OSError:
        return None
    return content if len(content) == length and zlib.crc32(content) == checksum else None
