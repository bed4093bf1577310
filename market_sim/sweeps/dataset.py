"""What a sweep leaves behind: one Parquet file per table for all its runs, and a description of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from agents.showing import Shown, ShowsItself
from market_sim.directory import directory_of
from market_sim.tables import TABLES

DESCRIPTION = "sweep.json"
FORMAT = "fl-market sweep 1"
CAMPAIGN = "campaign"
"""Subdirectory with manifest and parts, from which the sweep goes on and grows."""
RUN = [("cell", pa.string()), ("seed", pa.int64())]
"""Columns that say of which run a row is."""
SCHEMAS: Mapping[str, pa.Schema] = {name: pa.schema([*RUN, *schema]) for name, schema in TABLES.items()}


@dataclass(frozen=True, repr=False)
class Sweep(ShowsItself):
    """A sweep that is on disk.

    Parameters
    ----------
    directory : Path
    description : mapping
        ``sweep.json``: the cells with their configurations, the seeds, versions, hashes of all files.
    """

    directory: Path
    description: Mapping[str, Any]

    @property
    def cells(self) -> dict[str, Any]:
        """Values of the varied fields, by cell, in the order of the plan."""
        return dict(self.description["cells"])

    @property
    def seeds(self) -> list[int]:
        """Seeds of all cells together."""
        return sorted({int(run["seed"]) for run in self.description["runs"]})

    @property
    def varied(self) -> list[str]:
        """Fields in which cells differ."""
        return list(self.description["varied"])

    def shown(self) -> Shown:
        """A row per cell: what is varied, and its runs."""
        runs = self.runs
        cells = runs.groupby("cell", sort=False).agg(
            **{name: (name, "first") for name in self.varied}, runs=("seed", "size")
        )
        return Shown(f"{self.directory}: {len(runs):,} runs of {len(cells):,} cells", cells.reset_index())

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run: ``key, cell, seed`` and the varied fields."""
        rows = [{**run, **_shown(self.cells[run["cell"]])} for run in self.description["runs"]]
        return pd.DataFrame(rows, columns=["key", "cell", "seed", *self.varied])

    def dataset(self, table: str) -> pads.Dataset:
        """The rows of a table of all runs, with ``cell`` and ``seed``, read from disk as they are asked for."""
        if table not in TABLES:
            raise ValueError(f"table = {table!r} is not known; known: {', '.join(TABLES)}")
        return pads.dataset(self.directory / f"{table}.parquet", format="parquet")

    def frame(self, table: str, cell: str | None = None, columns: list[str] | None = None) -> pd.DataFrame:
        """The rows of one cell, or of all; those of ``columns``, or all."""
        rows = None if cell is None else pads.field("cell") == cell
        return self.dataset(table).to_table(columns=columns, filter=rows).to_pandas()


def load_sweep(directory: str | Path) -> Sweep:
    """Read what a sweep left behind.

    Parameters
    ----------
    directory : str or Path
        Its ``--out``.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is none, or it is not complete.
    """
    source = directory_of("directory", directory)
    description = read_description(source)
    if description is None:
        if (source / CAMPAIGN).is_dir():
            raise ValueError(
                f"{str(source)!r} holds a sweep that is not complete; the command that began it goes on with it, "
                f"`market-sim sweep status {source}` says how far it is"
            )
        raise FileNotFoundError(f"{str(source)!r} holds no sweep; pass the directory that `market-sim sweep` wrote")
    for name in TABLES:
        if not (source / f"{name}.parquet").is_file():
            raise ValueError(f"{str(source)!r} lacks {name}.parquet; the command that made the sweep writes it again")
    return Sweep(source, description)


def read_description(directory: Path) -> dict[str, Any] | None:
    """``sweep.json`` of a complete sweep; None where there is none.

    Raises
    ------
    ValueError
        If it is damaged, or of another version.
    """
    path = directory / DESCRIPTION
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        form = content["format"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged; remove it and give the command that made the sweep again") from None
    if form != FORMAT:
        raise ValueError(f"{path} is of {form!r}; this version reads {FORMAT!r}")
    return dict(content)


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | None) else json.dumps(value)
        for name, value in values.items()
    }
