"""The command `market-sim export`: the tables of a run as CSV, for whatever does not read Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import csv
from rich import box
from rich.table import Table

from market_sim.directory import directory_of, refuse_foreign, replacing
from market_sim.results import load_results
from market_sim.tables import TABLES
from scenarios.commands.answer import Answer


def export_run(run: str | Path, out: str | Path | None) -> Answer:
    """Write every table of a run as a CSV file, a group of rows at a time.

    Parameters
    ----------
    run : str or Path
        Its directory.
    out : str or Path, optional
        Directory to write; beside the run's, with ``-csv`` behind its name, where it is left out. Files of an earlier
        export are replaced.

    Raises
    ------
    FileNotFoundError, FileExistsError, ValueError
        If there is no whole run, or ``out`` holds something else.
    """
    source = directory_of("run", run)
    load_results(source)
    target = source.absolute().with_name(f"{source.absolute().name}-csv") if out is None else directory_of("out", out)
    files = {name: f"{name}.csv" for name in TABLES}

    def check() -> None:
        refuse_foreign(target, list(files.values()))

    check()
    rows = {}
    with replacing(target, check) as fresh:
        for name, file in files.items():
            table = pq.ParquetFile(source / f"{name}.parquet")
            with csv.CSVWriter(fresh / file, table.schema_arrow) as writer:
                for batch in table.iter_batches():
                    writer.write(batch)
            rows[name] = table.metadata.num_rows
    return Answer(
        figures={"out": str(target), "rows": rows},
        summary=(_summary(rows, files), f"Tables: {target}"),
    )


def _summary(rows: dict[str, int], files: dict[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("file")
    for name, count in rows.items():
        table.add_row(name, f"{count:,}".replace(",", " "), files[name])
    return table
