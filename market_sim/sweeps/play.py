"""Playing a sweep: every cell with every seed, those that are there already excepted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from agents.files import flush, to_json, write_file
from agents.locks import locked
from agents.tasks.registry import data_files
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.environment import environment
from market_sim.campaign.finished import Finished
from market_sim.campaign.job import Job, JobResult, in_order
from market_sim.campaign.workers import Workers
from market_sim.config import MarketConfig
from market_sim.directory import directory_of, prepare, refuse_foreign, sha256_of
from market_sim.run import run_market
from market_sim.sweeps.dataset import CAMPAIGN, DESCRIPTION, FORMAT, SCHEMAS, Sweep, load_sweep, read_description
from market_sim.sweeps.plan import SweepPlan, runs_of
from market_sim.tables import TABLES

FILES = (*(f"{name}.parquet" for name in TABLES), DESCRIPTION, "report.html")


def sweep(
    config: MarketConfig | None = None,
    *,
    out: str | Path,
    grid: Mapping[str, Sequence[Any]] | None = None,
    zipped: Sequence[Mapping[str, Sequence[Any]]] = (),
    exclude: Sequence[Mapping[str, Any]] = (),
    seeds: int = 10,
    first_seed: int = 0,
    jobs: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
    **fields: Any,
) -> Sweep:
    """Play a market under many settings, each with the same seeds, and return all of it as one data set.

    All cells draw the same owners, orders and noise from one seed, so that differences between cells are paired. The
    tables' bytes depend on the settings alone. The same call goes on with what was interrupted; one with more values
    or seeds plays only what is new.

    Parameters
    ----------
    config : MarketConfig, optional
        What all runs have in common; the default configuration without.
    out : str or Path
        Directory to write.
    grid, zipped, exclude, seeds, first_seed
        As for ``market_sim.sweeps.plan.SweepPlan``.
    jobs, cluster
        As for ``market_sim.campaign.workers.Workers``: by default one process per core.
    progress : bool
        Whether to show progress on standard error.
    **fields
        Fields of ``MarketConfig`` that override those of ``config``.

    Returns
    -------
    Sweep

    Raises
    ------
    TypeError, ValueError
        If a setting is refused; before the first run.
    FileExistsError, BlockingIOError
        If ``out`` holds something else or another sweep, or is being written.
    JobsFailedError
        At the end, if runs failed twice; the others are kept, and the same call tries these again.
    """
    plan = SweepPlan(fields, dict(grid or {}), zipped, exclude, seeds, first_seed)
    return play_sweep(plan, out, config=config, workers=Workers(jobs, cluster), progress=progress)


def play_sweep(
    plan: SweepPlan,
    out: str | Path,
    *,
    config: MarketConfig | None = None,
    workers: Workers | None = None,
    progress: bool = False,
) -> Sweep:
    """Play a plan; see ``sweep``."""
    target, markets = directory_of("out", out), plan.configs(config)
    there = _runs_there(target)
    prepare(target)
    with locked(target):
        target.mkdir(exist_ok=True)
        known = [*FILES, *(path.relative_to(target).as_posix() for path in (target / CAMPAIGN).rglob("*"))]
        refuse_foreign(target, known)
        common = {"config": configuration(config, plan), "varied": plan.varied}
        wanted = {key: (cell, seed) for key, cell, seed in runs_of(markets, plan.all_seeds())}
        earlier = {key: (run["cell"], run["seed"]) for key, run in there.items()}
        jobs = [Job(key, play_run, (markets[cell], seed)) for key, (cell, seed) in wanted.items()]
        found = run_campaign(
            jobs,
            target / CAMPAIGN,
            identity=common,
            workers=workers,
            files={file for market in markets.values() for file in files_of(market)},
            title="Playing runs",
            progress=progress,
        )
        previous = read_description(target)
        cells = {name: market.as_json() for name, market in markets.items()}
        values = plan.cells()
        if previous is not None:
            values = {**previous["cells"], **values}
            cells = {**previous["configs"], **cells}
        runs = {**earlier, **wanted}
        _write(target, Finished.of(found.store, runs), runs, common, values, cells)
        return load_sweep(target)


def play_run(market: MarketConfig, seed: int) -> JobResult:
    """One run as the job of a campaign."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        results = run_market(market, seed=seed)
    tables = {
        name: pa.Table.from_pandas(getattr(results, name), schema=schema, preserve_index=False)
        for name, schema in TABLES.items()
    }
    notes = list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))
    return JobResult({name: table for name, table in tables.items() if len(table)}, {"notes": notes})


def configuration(config: MarketConfig | None, plan: SweepPlan) -> dict[str, Any]:
    """What all runs have in common, as JSON holds it: the fields that do not vary."""
    first = next(iter(plan.configs(config).values())).as_json()
    fixed = {name: value for name, value in first.items() if name not in plan.varied}
    # What is left to follow from other fields follows from the varied ones too.
    for name in ("clip", "clip_norm", "learning_rate", "aggregation"):
        if name not in plan.fields and (config is None or getattr(config, name) is None):
            fixed.pop(name, None)
    return fixed


def files_of(market: MarketConfig) -> list[Path]:
    """Files that a market is read from."""
    paths = [*data_files(market.task, market.data, **market.task_options), *market.files]
    auction = market.auction
    if isinstance(auction, Path) or str(auction).endswith(".safetensors"):
        card = Path(str(auction)).with_suffix(".json")
        paths += [Path(str(auction)), *([card] if card.exists() else [])]
    return [Path(path) for path in paths]


def _runs_there(target: Path) -> dict[str, Any]:
    description = read_description(target)
    return {} if description is None else {run["key"]: run for run in description["runs"]}


def _write(
    target: Path,
    found: Finished,
    runs: Mapping[str, tuple[str, int]],
    common: Mapping[str, Any],
    values: Mapping[str, Any],
    configs: Mapping[str, Any],
) -> None:
    """Write the tables, then the description that says they are complete."""
    (target / DESCRIPTION).unlink(missing_ok=True)
    for name, schema in SCHEMAS.items():
        draft = target / f"{name}.parquet.draft"
        found.join(name, draft, schema, lambda key: dict(zip(("cell", "seed"), runs[key], strict=True)))
        draft.replace(target / f"{name}.parquet")
    flush(target)
    keys = in_order(runs)
    notes = sorted({note for key in keys for note in found.figures(key).get("notes", [])})
    description = {
        "format": FORMAT,
        **common,
        "cells": {name: values[name] for name in in_order(values)},
        "configs": {name: configs[name] for name in in_order(configs)},
        "runs": [{"key": key, "cell": runs[key][0], "seed": runs[key][1]} for key in keys],
        "notes": notes,
        "environment": environment(),
        "files": {f"{name}.parquet": sha256_of(target / f"{name}.parquet") for name in TABLES},
    }
    write_file(target / DESCRIPTION, to_json(description))
