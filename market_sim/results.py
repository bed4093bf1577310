"""What a run leaves behind: two tables, the configuration, and a directory holding all three or nothing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROUNDS = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("auction", pa.string()),
        ("aggregation", pa.string()),
        ("budget", pa.float64()),
        ("spent", pa.float64()),
        ("bidders", pa.int64()),
        ("sellers", pa.int64()),
        ("invalid", pa.bool_()),
        ("error_bound", pa.float64()),
        ("error_bound_first_best", pa.float64()),
        ("test_accuracy", pa.float64()),
        ("test_loss", pa.float64()),
        ("owner_surplus", pa.float64()),
        ("buyer_utility", pa.float64()),
        ("welfare", pa.float64()),
        ("misreport_gain_mean", pa.float64()),
        ("misreport_gain_max", pa.float64()),
        ("ir_violations", pa.int64()),
        ("truthful_share", pa.float64()),
        ("privacy_loss_mean", pa.float64()),
        ("payment_gini", pa.float64()),
    ]
)
"""One row per buyer and round."""

TRADES = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("owner", pa.int64()),
        ("strategy", pa.string()),
        ("truthful", pa.bool_()),
        ("family", pa.string()),
        ("factor", pa.float64()),
        ("reported_family", pa.string()),
        ("reported_factor", pa.float64()),
        ("report_ratio", pa.float64()),
        ("privacy_budget", pa.float64()),
        ("reported_privacy_budget", pa.float64()),
        ("data_size", pa.int64()),
        ("reported_data_size", pa.int64()),
        ("cost", pa.float64()),
        ("reported_cost", pa.float64()),
        ("privacy_loss", pa.float64()),
        ("records", pa.int64()),
        ("payment", pa.float64()),
        ("transfer", pa.float64()),
        ("utility", pa.float64()),
        ("truthful_utility", pa.float64()),
        ("misreport_gain", pa.float64()),
        ("privacy_spent", pa.float64()),
    ]
)
"""One row per bidder, buyer and round."""

FORMAT = "fl-market run 1"
"""Marks a directory as ours in its ``config.json``."""

_OURS = frozenset({"rounds.parquet", "trades.parquet", "config.json", "report.html"})


@dataclass(frozen=True)
class Results:
    """The record of one run.

    Parameters
    ----------
    rounds : pandas.DataFrame
        Columns of ``ROUNDS``; what does not apply to a round is missing (NaN).
    trades : pandas.DataFrame
        Columns of ``TRADES``.
    config : dict
        Everything needed to repeat the run: configuration, seed, versions, checkpoint hash.
    """

    rounds: pd.DataFrame
    trades: pd.DataFrame
    config: dict[str, Any]

    @classmethod
    def of(cls, tables: Mapping[str, Mapping[str, Sequence[Any]]], config: Mapping[str, Any]) -> Results:
        """Results from columns of Python values, ``None`` where there is none."""
        frames = {
            name: pa.Table.from_pydict(dict(tables[name]), schema=schema).to_pandas()
            for name, schema in (("rounds", ROUNDS), ("trades", TRADES))
        }
        return cls(**frames, config=dict(config))

    def save(self, directory: str | Path) -> Path:
        """Write ``rounds.parquet``, ``trades.parquet`` and ``config.json``, all of them or none.

        The files are written beside ``directory`` and moved there when complete. A directory that holds the same run
        (configuration and seed) is replaced.

        Raises
        ------
        FileExistsError
            If the directory holds anything else.
        """
        target = check_out(directory, self.config)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
            fresh, old = Path(scratch, "new"), Path(scratch, "old")
            fresh.mkdir()
            _write_parquet(self.rounds, ROUNDS, fresh / "rounds.parquet")
            _write_parquet(self.trades, TRADES, fresh / "trades.parquet")
            (fresh / "config.json").write_text(json.dumps(self.config, indent=2, allow_nan=False) + "\n")
            _exchange(fresh, target, old)
        return target


def check_out(directory: str | Path, config: Mapping[str, Any]) -> Path:
    """Return ``directory`` as a path if a run with this configuration may be written there.

    Raises
    ------
    FileExistsError, NotADirectoryError
        If that would overwrite something else; the message says what to do.
    """
    target = Path(directory).absolute()
    if not target.exists():
        return target
    if not target.is_dir():
        raise NotADirectoryError(f"out = {str(directory)!r} is a file; pass the name of a new directory")
    names = {entry.name for entry in target.iterdir()}
    if names and not (names <= _OURS and _same_run(_manifest(target), config)):
        raise FileExistsError(
            f"out = {str(directory)!r} holds something else ({', '.join(sorted(names)[:3])}); "
            "pass a new directory or remove this one first"
        )
    return target


def load_results(directory: str | Path) -> Results:
    """Read back what a run left behind.

    Raises
    ------
    FileNotFoundError
        If there is no such directory or it lacks a file.
    ValueError
        If it holds something other than a run of this project.
    """
    source = Path(directory)
    if not source.is_dir():
        raise FileNotFoundError(
            f"directory = {str(directory)!r} does not exist; pass the directory that a run was written to"
        )
    manifest = _manifest(source)
    if manifest is None:
        raise ValueError(
            f"directory = {str(directory)!r} does not hold a run (no config.json of ours); "
            "pass the directory that a run was written to"
        )
    frames: dict[str, pd.DataFrame] = {}
    for name, schema in (("rounds", ROUNDS), ("trades", TRADES)):
        file = source / f"{name}.parquet"
        if not file.is_file():
            raise FileNotFoundError(f"directory = {str(directory)!r} lacks {file.name}; run the market again")
        try:
            table = pq.read_table(file)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{file} cannot be read ({error}); run the market again") from None
        if table.schema.names != schema.names:
            raise ValueError(f"{file} has other columns than a run of this version; run the market again")
        frames[name] = table.to_pandas()
    return Results(**frames, config=manifest)


def _exchange(fresh: Path, target: Path, old: Path) -> None:
    """Put ``fresh`` in the place of ``target``, which comes back if that fails."""
    if not target.exists():
        os.replace(fresh, target)
        return
    os.replace(target, old)
    try:
        os.replace(fresh, target)
    except BaseException:
        os.replace(old, target)
        raise


def _write_parquet(frame: pd.DataFrame, schema: pa.Schema, file: Path) -> None:
    """Write a table so that the same values always give the same bytes."""
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, file, version="2.6", compression="zstd", compression_level=3, store_schema=False)


def _manifest(directory: Path) -> dict[str, Any] | None:
    """Return the directory's ``config.json`` if it is one of ours."""
    try:
        content = json.loads((directory / "config.json").read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("format") == FORMAT else None


def _same_run(manifest: Mapping[str, Any] | None, config: Mapping[str, Any]) -> bool:
    return manifest is not None and all(
        manifest.get(key) == config.get(key) for key in ("config", "seed", "auction") if key in config
    )
