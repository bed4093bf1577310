"""A run as its files hold it, bit for bit, whether or not anybody wrote into them since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from market_sim.directory import directory_of
from market_sim.results import sha256_of
from market_sim.run_file import read_run_file
from market_sim.tables import TABLES

Row = Mapping[str, Any]
"""One row of a table: values by column."""


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """What the files of a run say.

    Parameters
    ----------
    directory : Path
    manifest : dict
        The content of ``config.json``.
    tables : dict of str to pyarrow.Table
        Null where there is no value.
    hashes : dict of str to str
        sha256 of the files of the tables.
    """

    directory: Path
    manifest: dict[str, Any]
    tables: dict[str, pa.Table]
    hashes: dict[str, str]

    @classmethod
    def read(cls, directory: str | Path) -> RecordedRun:
        """Read a run; that its files have the hashes written down is for others to check.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is none, one of another version, or a table is missing or has other columns.
        """
        source = directory_of("directory", directory)
        manifest = _manifest(source)
        tables, hashes = {}, {}
        for name, schema in TABLES.items():
            file = source / f"{name}.parquet"
            if not file.is_file():
                raise FileNotFoundError(f"directory = {str(directory)!r} lacks {file.name}; there is no run to verify")
            try:
                table = pq.read_table(file)
            except (pa.ArrowException, OSError) as error:
                raise ValueError(f"{file} cannot be read ({error}); there is no run to verify") from None
            if not table.schema.equals(schema):
                raise ValueError(f"{file} has other columns than a run of this version; there is no run to verify")
            tables[name], hashes[file.name] = table, sha256_of(file)
        return cls(source, manifest, tables, hashes)

    def decisions(self, round: int, owner: int) -> list[Row]:
        """What an owner said in a round and what came of it: a row per identity, in the order of the bids.

        Empty if she did not bid.
        """
        trade = self._trades.get((round, owner))
        if trade is None:
            return []
        return self._identities.get((round, owner)) or [{**trade, "held": trade["data_size"]}]

    def trade(self, round: int, owner: int) -> Row | None:
        """Her row of the trades; None if she did not bid."""
        return self._trades.get((round, owner))

    def curve(self, round: int, owner: int, position: int) -> tuple[list[float], list[float]]:
        """Levels and costs of the curve reported at a row of the bids; empty for a family."""
        return self._curves.get((round, owner, position), ([], []))

    @cached_property
    def _trades(self) -> dict[tuple[int, int], Row]:
        return {(row["round"], row["owner"]): row for row in self.tables["trades"].to_pylist()}

    @cached_property
    def _identities(self) -> dict[tuple[int, int], list[Row]]:
        found: dict[tuple[int, int], list[Row]] = {}
        for row in self.tables["identities"].to_pylist():
            found.setdefault((row["round"], row["owner"]), []).append(row)
        return {key: sorted(rows, key=lambda row: row["position"] or 0) for key, rows in found.items()}

    @cached_property
    def _curves(self) -> dict[tuple[int, int, int], tuple[list[float], list[float]]]:
        found: dict[tuple[int, int, int], tuple[list[float], list[float]]] = {}
        for row in self.tables["curves"].to_pylist():
            if row["position"] is not None:
                levels, cost = found.setdefault((row["round"], row["owner"], row["position"]), ([], []))
                levels.append(row["level"])
                cost.append(row["cost"])
        return found


def _manifest(source: Path) -> dict[str, Any]:
    """Return the content of ``config.json``, or say why this is no run that can be verified."""
    content = read_run_file(source / "config.json")
    if content is None:
        raise ValueError(
            f"directory = {str(source)!r} does not hold a run (no config.json of ours); "
            "pass the directory that a run was written to"
        )
    return content
