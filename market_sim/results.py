"""What a run leaves behind: its tables, the configuration, and a directory holding all of them or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.files import to_json, write_file
from market_sim.config import MarketConfig
from market_sim.directory import directory_of, refuse_foreign, replacing
from market_sim.tables import CURVES, GROUPS, IDENTITIES, TABLES
from market_sim.tables import ROUNDS as ROUNDS
from market_sim.tables import TRADES as TRADES

FORMAT = "fl-market run 3"
"""Marks a directory as ours in its ``config.json``."""

PAIRED_RUN = "truthful"
"""Subdirectory of a run's: the same market and seed with everybody telling the truth (``market_sim.paired_run``)."""

_RUN_FILES = (*(f"{name}.parquet" for name in TABLES), "config.json")
_OURS = frozenset({*_RUN_FILES, "report.html", *(f"{PAIRED_RUN}/{name}" for name in _RUN_FILES)})


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
        Everything needed to repeat the run: configuration, seed, versions, hashes of checkpoint and data.
    groups, identities, curves : pandas.DataFrame
        Columns of ``GROUPS``, ``IDENTITIES`` and ``CURVES``: owners who acted together, owners under several names,
        valuations that are no family. Empty where there are none.
    """

    rounds: pd.DataFrame
    trades: pd.DataFrame
    config: dict[str, Any]
    groups: pd.DataFrame = field(default_factory=lambda: _empty(GROUPS))
    identities: pd.DataFrame = field(default_factory=lambda: _empty(IDENTITIES))
    curves: pd.DataFrame = field(default_factory=lambda: _empty(CURVES))

    @classmethod
    def of(cls, tables: Mapping[str, Mapping[str, Sequence[Any]]], config: Mapping[str, Any]) -> Results:
        """Results from columns of Python values, ``None`` where there is none; a table that is left out is empty."""
        frames = {}
        for name, schema in TABLES.items():
            columns = tables.get(name) or {column: [] for column in schema.names}
            frames[name] = pa.Table.from_pydict(dict(columns), schema=schema).to_pandas()
        return cls(**frames, config=dict(config))

    def save(self, directory: str | Path) -> Path:
        """Write a Parquet file per table and ``config.json``, all of them or none.

        The files are written beside ``directory`` and moved there when complete. A directory that holds the same run
        (configuration, seed, auction, data) is replaced, unless it has more rounds than these results.

        Raises
        ------
        FileExistsError
            If the directory holds anything else.
        """
        target = check_out(directory, self.config)

        def check() -> None:
            check_out(target, self.config)
            there, here = rounds_kept(target, self.config), int(self.config.get("rounds_completed", 0))
            if there > here:
                raise FileExistsError(
                    f"out = {str(directory)!r} holds {there} rounds of this run, these results only {here}; "
                    "pass a new directory or remove this one first"
                )

        check()
        with replacing(target, check) as fresh:
            for name, schema in TABLES.items():
                _write_parquet(getattr(self, name), schema, fresh / f"{name}.parquet")
            files = {f"{name}.parquet": sha256_of(fresh / f"{name}.parquet") for name in TABLES}
            write_file(fresh / "config.json", to_json({**self.config, "files": files}))
        return target


def check_out(directory: str | Path, config: Mapping[str, Any]) -> Path:
    """Return ``directory`` as a path if a run with this configuration may be written there.

    Raises
    ------
    FileExistsError, NotADirectoryError
        If that would overwrite something else; the message says what to do.
    """
    target = directory_of("out", directory)
    refuse_foreign(target, _OURS if _same_run(_manifest(target), config) else ())
    return target


def rounds_kept(directory: Path, config: Mapping[str, Any]) -> int:
    """How many rounds of the run with this configuration a directory already holds."""
    manifest = _manifest(directory)
    return int(manifest.get("rounds_completed", 0)) if manifest is not None and _same_run(manifest, config) else 0


def load_results(directory: str | Path) -> Results:
    """Read back what a run left behind.

    Raises
    ------
    FileNotFoundError
        If there is no such directory or it lacks a file.
    ValueError
        If it holds something other than a run of this project, or its files do not belong together.
    """
    source = directory_of("directory", directory)
    if not source.is_dir():
        found = "is a file" if source.exists() else "does not exist"
        raise FileNotFoundError(f"directory = {str(directory)!r} {found}; pass the directory that a run was written to")
    manifest = _manifest(source)
    if manifest is None:
        runs = sorted(file.parent.name for file in source.glob("*/config.json") if _manifest(file.parent) is not None)
        where = f"its runs lie in {', '.join(runs[:3])}{', ...' if len(runs) > 3 else ''}: pass one of those"
        raise ValueError(
            f"directory = {str(directory)!r} does not hold a run (no config.json of ours); "
            + (where if runs else "pass the directory that a run was written to")
        )
    written = manifest.pop("files", {})
    frames: dict[str, pd.DataFrame] = {}
    for name, schema in TABLES.items():
        file = source / f"{name}.parquet"
        if not file.is_file():
            raise FileNotFoundError(f"directory = {str(directory)!r} lacks {file.name}; run the market again")
        frames[name] = _read_parquet(file, schema)
        if sha256_of(file) != written.get(file.name):
            raise ValueError(f"{file} is not the file that this run wrote; run the market again")
    return Results(**frames, config=manifest)


def _empty(schema: pa.Schema) -> pd.DataFrame:
    """A table without rows."""
    return schema.empty_table().to_pandas()


def sha256_of(file: Path) -> str:
    """Hash of a file's content, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read_parquet(file: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read a table that has exactly the columns and types of ``schema``."""
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} cannot be read ({error}); run the market again") from None
    if table.schema.names != schema.names:
        raise ValueError(f"{file} has other columns than a run of this version; run the market again")
    for found, expected in zip(table.schema, schema, strict=True):
        if found.type != expected.type:
            raise ValueError(
                f"{file}: column {found.name!r} is {found.type} instead of {expected.type}; run the market again"
            )
    return table.to_pandas()


def _write_parquet(frame: pd.DataFrame, schema: pa.Schema, file: Path) -> None:
    """Write a table so that the same values always give the same bytes."""
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, file, version="2.6", compression="zstd", compression_level=3, store_schema=False)


def _manifest(directory: Path) -> dict[str, Any] | None:
    """Return the directory's ``config.json`` if it is one of ours."""
    try:
        content = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("format") == FORMAT else None


def _same_run(manifest: Mapping[str, Any] | None, config: Mapping[str, Any]) -> bool:
    return manifest is not None and all(
        _complete(manifest, key) == _complete(config, key)
        for key in ("config", "seed", "auction", "perturbation", "data_files")
        if key in config
    )


def _complete(manifest: Mapping[str, Any], key: str) -> Any:
    """An entry of a manifest; fields that a configuration of an older version lacks have their defaults."""
    found = manifest.get(key)
    return {**MarketConfig().as_json(), **found} if key == "config" and isinstance(found, Mapping) else found
