"""What a run leaves behind: its tables, the configuration, and a directory holding all of them or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agents.files import to_json, write_file
from agents.showing import Shown, ShowsItself
from market_sim.config import MarketConfig
from market_sim.directory import directory_of, refuse_foreign, replacing
from market_sim.directory import sha256_of as sha256_of
from market_sim.owner_columns import with_owner_columns, without_owner_columns
from market_sim.parquet import write_table
from market_sim.run_file import FORMAT as FORMAT
from market_sim.run_file import read_run_file
from market_sim.tables import CONFUSION, CURVES, GROUPS, IDENTITIES, TABLES
from market_sim.tables import ROUNDS as ROUNDS
from market_sim.tables import TRADES as TRADES

PAIRED_RUN = "truthful"
"""Subdirectory of a run's: the same market and seed with everybody telling the truth (``market_sim.paired_run``)."""

NOT_WRITTEN: frozenset[str] = frozenset({"seconds"})
"""Entries of ``Results.config`` that differ between two runs of the same and are not written to ``config.json``."""

READ_AT_ONCE = 1 << 20
"""Rows of a run up to which all its tables are read when it is loaded; of larger ones each when it is asked for."""

SHOWN_BELOW = f"Tables: {', '.join(TABLES)}. analysis.plot(results) draws them."

_RUN_FILES = (*(f"{name}.parquet" for name in TABLES), "config.json")
_OURS = frozenset({*_RUN_FILES, "report.html", f".{PAIRED_RUN}.lock", *(f"{PAIRED_RUN}/{name}" for name in _RUN_FILES)})


@dataclass(frozen=True, repr=False)
class Results(ShowsItself):
    """The record of one run; printed, a few of its figures.

    Parameters
    ----------
    rounds : pandas.DataFrame
        Columns of ``ROUNDS``; what does not apply to a round is missing (NaN).
    trades : pandas.DataFrame
        Columns of ``TRADES``, and those of one's own in the table of owners.
    config : dict
        Everything needed to repeat the run: configuration, seed, versions, hashes of checkpoint and data.
    groups, identities, curves : pandas.DataFrame
        Columns of ``GROUPS``, ``IDENTITIES`` and ``CURVES``: owners who acted together, owners under several names,
        valuations that are no family. Empty where there are none.
    confusion : pandas.DataFrame
        Columns of ``CONFUSION``: what each buyer's last model names the test records of every class.
    """

    rounds: pd.DataFrame
    trades: pd.DataFrame
    config: dict[str, Any]
    groups: pd.DataFrame = field(default_factory=lambda: _empty(GROUPS))
    identities: pd.DataFrame = field(default_factory=lambda: _empty(IDENTITIES))
    curves: pd.DataFrame = field(default_factory=lambda: _empty(CURVES))
    confusion: pd.DataFrame = field(default_factory=lambda: _empty(CONFUSION))

    def __post_init__(self) -> None:
        object.__setattr__(self, "trades", with_owner_columns(self.trades, self.config))

    @classmethod
    def of(cls, tables: Mapping[str, Mapping[str, Sequence[Any]]], config: Mapping[str, Any]) -> Results:
        """Results from columns of Python values, ``None`` where there is none; a table that is left out is empty."""
        frames = {}
        for name, schema in TABLES.items():
            columns = tables.get(name) or {column: [] for column in schema.names}
            frames[name] = pa.Table.from_pydict(dict(columns), schema=schema).to_pandas()
        return cls(**frames, config=dict(config))

    @classmethod
    def read_when_asked(cls, read: Callable[[str], pd.DataFrame], config: Mapping[str, Any]) -> Results:
        """Results whose tables are read, each when it is first asked for, by ``read`` of its name."""
        made = object.__new__(cls)
        made.__dict__.update(config=dict(config), _read=read)
        return made

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            read = self.__dict__.get("_read")
            if read is None or name not in TABLES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.__dict__[name] = read(name)
            return self.__dict__[name]

    def shown(self) -> Shown:
        """A few figures of the rounds; no other table is read for them."""
        return Shown(_heading(self.config, len(self.rounds)), _short_figures(self.rounds), (SHOWN_BELOW,))

    def save(self, directory: str | Path) -> Path:
        """Write a Parquet file per table and ``config.json``, all of them or none.

        The files are written beside ``directory`` and moved there when complete. A directory that holds the same run
        (configuration, seed, auction, data) is replaced, unless it has more rounds than these results.

        Raises
        ------
        FileExistsError
            If the directory holds anything else.
        ValueError
            If the tables are not those of a whole run: columns or rows are missing, or were added.
        """
        plain = {"trades": without_owner_columns(self.trades, self.config)}
        tables = {name: _table(name, plain.get(name, getattr(self, name))) for name in TABLES}
        _check_rows(self)
        return write_run(directory, self.config, lambda name: [tables[name]])


def _heading(config: Mapping[str, Any], rows: int) -> str:
    fields, completed = config.get("config", {}), config.get("rounds_completed", rows)
    parts = [
        f"{completed} of {fields['rounds']} rounds" if "rounds" in fields else f"{rows} rounds",
        *(f"{fields[name]:,} {name}" for name in ("owners", "bidders") if name in fields),
        *(f"seed {config['seed']}" for _ in "1" if "seed" in config),
    ]
    return f"{config.get('auction', {}).get('name', 'a market')}: {', '.join(parts)}"


def _short_figures(rounds: pd.DataFrame) -> pd.DataFrame:
    """What stands for a run in a few rows: quantity and value."""
    valid = rounds.loc[~rounds["invalid"].astype(bool), "error_bound"]
    budgets, last = rounds["budget"].sum(), rounds[rounds["round"] == rounds["round"].max()]
    rows = {
        "error bound, median of valid rounds": float(valid.median()),
        "invalid rounds": int(rounds["invalid"].sum()),
        "spent, share of all budgets": float(rounds["spent"].sum() / budgets) if budgets else None,
        "bids": int(rounds["bidders"].sum()),
        "sales": int(rounds["sellers"].sum()),
        "lies": int(rounds["misreports"].sum()),
        "largest gain from a lie alone": float(rounds["misreport_gain_max"].max()),
        "test accuracy after the last round": float(last["test_accuracy"].mean()),
    }
    return pd.DataFrame({"quantity": list(rows), "value": pd.Series(list(rows.values()), dtype=object)})


def write_run(directory: str | Path, config: Mapping[str, Any], pieces: Callable[[str], Iterable[pa.Table]]) -> Path:
    """Write a run as ``Results.save`` does, from the pieces of its tables, a few at a time.

    Parameters
    ----------
    directory : str or Path
    config : mapping
        Its manifest, without the hashes of the files.
    pieces : callable
        Gives the rows of a table by its name.
    """
    target = check_out(directory, config)

    def check() -> None:
        check_out(target, config)
        there, here = rounds_kept(target, config), int(config.get("rounds_completed", 0))
        if there > here:
            raise FileExistsError(
                f"out = {str(directory)!r} holds {there} rounds of this run, these results only {here}; "
                "pass a new directory or remove this one first"
            )

    check()
    with replacing(target, check) as fresh:
        for name, schema in TABLES.items():
            write_table(fresh / f"{name}.parquet", schema, pieces(name))
        files = {f"{name}.parquet": sha256_of(fresh / f"{name}.parquet") for name in TABLES}
        kept = {key: value for key, value in config.items() if key not in NOT_WRITTEN}
        write_file(fresh / "config.json", to_json({**kept, "files": files}))
    return target


def check_out(directory: str | Path, config: Mapping[str, Any]) -> Path:
    """Return ``directory`` as a path if a run with this configuration may be written there.

    Raises
    ------
    FileExistsError, NotADirectoryError
        If that would overwrite something else; the message says what to do.
    """
    target = directory_of("out", directory)
    manifest = _manifest(target)
    if _same_run(manifest, config):
        refuse_foreign(target, _OURS, within=(f"{PAIRED_RUN}.unfinished", f".{PAIRED_RUN}-"))
    elif manifest is not None:
        raise FileExistsError(
            f"out = {str(directory)!r} holds something else (another run: {_differences(manifest, config)}); "
            "pass a new directory or remove this one first"
        )
    else:
        refuse_foreign(target, ())
    return target


def rounds_kept(directory: Path, config: Mapping[str, Any]) -> int:
    """How many rounds of the run with this configuration a directory already holds."""
    manifest = _manifest(directory)
    return int(manifest.get("rounds_completed", 0)) if manifest is not None and _same_run(manifest, config) else 0


def is_complete(directory: Path, config: Mapping[str, Any]) -> bool:
    """Whether a directory holds the whole of a run that can be repeated, made by the versions of this manifest.

    Its files are as they were written.
    """
    manifest = _manifest(directory)
    if manifest is None or not manifest.get("repeatable") or manifest.get("interrupted", True):
        return False
    if any(manifest.get(key) != value for key, value in config.items()):
        return False
    files = manifest.get("files", {})
    return all(
        (directory / f"{name}.parquet").is_file()
        and sha256_of(directory / f"{name}.parquet") == files.get(f"{name}.parquet")
        for name in TABLES
    )


def load_results(directory: str | Path) -> Results:
    """Read back what a run left behind.

    Parameters
    ----------
    directory : str or Path
        The directory that it was written to.

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
    manifest = read_run_file(source / "config.json")
    if manifest is None:
        runs = sorted(file.parent.name for file in source.glob("*/config.json") if _manifest(file.parent) is not None)
        where = f"its runs lie in {', '.join(runs[:3])}{', ...' if len(runs) > 3 else ''}: pass one of those"
        raise ValueError(
            f"directory = {str(directory)!r} does not hold a run (no config.json of ours); "
            + (where if runs else "pass the directory that a run was written to")
        )
    written, rows = manifest.pop("files", {}), 0
    for name, schema in TABLES.items():
        file = source / f"{name}.parquet"
        if not file.is_file():
            raise FileNotFoundError(f"directory = {str(directory)!r} lacks {file.name}; run the market again")
        rows += _rows_of(file, schema)
        if sha256_of(file) != written.get(file.name):
            raise ValueError(f"{file} is not the file that this run wrote; run the market again")
    results = Results.read_when_asked(lambda name: _of_owners(name, source, manifest), manifest)
    if rows <= READ_AT_ONCE:
        for name in TABLES:
            getattr(results, name)
    return results


def _empty(schema: pa.Schema) -> pd.DataFrame:
    """A table without rows."""
    return schema.empty_table().to_pandas()


def _rows_of(file: Path, schema: pa.Schema) -> int:
    """How many rows a table has that has exactly the columns and types of ``schema``."""
    try:
        with pq.ParquetFile(file) as source:
            found, rows = source.schema_arrow, int(source.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} cannot be read ({error}); run the market again") from None
    if found.names != schema.names:
        raise ValueError(f"{file} has other columns than a run of this version; run the market again")
    for column, expected in zip(found, schema, strict=True):
        if column.type != expected.type:
            raise ValueError(
                f"{file}: column {column.name!r} is {column.type} instead of {expected.type}; run the market again"
            )
    return rows


def _of_owners(name: str, source: Path, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """A table of a run, the trades with the columns that the user has of her owners."""
    frame = _frame(source / f"{name}.parquet")
    return with_owner_columns(frame, manifest) if name == "trades" else frame


def _frame(file: Path) -> pd.DataFrame:
    try:
        return pq.read_table(file).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} cannot be read ({error}); run the market again") from None


def _table(name: str, frame: pd.DataFrame) -> pa.Table:
    """The table as it is written, refused if it has other columns or values than a run's."""
    schema = TABLES[name]
    for columns, what in (
        ([column for column in schema.names if column not in frame.columns], "lacks"),
        (
            [str(column) for column in frame.columns if column not in schema.names],
            "has columns of its own:",
        ),
    ):
        if columns:
            raise ValueError(
                f"the table {name!r} {what} {', '.join(columns)}; save the tables as the run left them, and what you "
                "make of them in files of your own"
            )
    try:
        return pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ValueError(
            f"the table {name!r} holds values of another type ({error}); leave them as the run did"
        ) from None


def _check_rows(results: Results) -> None:
    """Refuse tables from which rows are missing: every round has one per buyer, and as many bids as it says."""
    rounds, trades = results.rounds, results.trades
    completed = results.config.get("rounds_completed")
    if completed is not None and rounds["round"].nunique() != completed:
        raise ValueError(
            f"the table 'rounds' has {rounds['round'].nunique()} rounds of {completed}; save all of them, or begin "
            "another run with rounds = fewer"
        )
    found = trades.groupby(["round", "buyer"]).size()
    for row in rounds[["round", "buyer", "bidders"]].itertuples(index=False):
        there = int(found.get((row.round, row.buyer), 0))
        if there != row.bidders:
            raise ValueError(
                f"the table 'trades' has {there} rows of round {row.round}, buyer {row.buyer}, which had {row.bidders} "
                "bidders; save all of them, and a selection in a file of your own"
            )
    if len(trades) != int(rounds["bidders"].sum()):
        raise ValueError("the table 'trades' has rows of rounds that the table 'rounds' lacks; save all of both")


def _manifest(directory: Path) -> dict[str, Any] | None:
    """Return the directory's ``config.json`` if it is one of ours and whole."""
    try:
        return read_run_file(directory / "config.json")
    except (OSError, ValueError):
        return None


def _same_run(manifest: Mapping[str, Any] | None, config: Mapping[str, Any]) -> bool:
    return manifest is not None and all(
        _complete(manifest, key) == _complete(config, key)
        for key in ("config", "seed", "auction", "perturbation", "data_files")
        if key in config
    )


def _differences(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """In what two manifests differ, in a few words."""
    there, here = ({**of, **(_complete(of, "config") or {})} for of in (manifest, config))
    names = [name for name in ("seed", *(config.get("config") or {})) if there.get(name) != here.get(name)]
    parts = [f"{name} = {there.get(name)!r} there, {here.get(name)!r} here" for name in names[:2]]
    if not parts:
        parts = ["another version of its auction, perturbation or data"]
    return "; ".join([*(part if len(part) < 120 else f"{part.partition(' = ')[0]} differs" for part in parts)])


def _complete(manifest: Mapping[str, Any], key: str) -> Any:
    """An entry of a manifest; fields that a configuration of an older version lacks have their defaults."""
    found = manifest.get(key)
    return {**MarketConfig().as_json(), **found} if key == "config" and isinstance(found, Mapping) else found
