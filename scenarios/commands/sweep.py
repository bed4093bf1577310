"""The command `market-sim sweep`: many settings, many seeds, one data set; what it would take, where it stands."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from agents.checks import one_of
from agents.files import write_file
from analysis.formatting import counted, with_interval
from analysis.sweeps.effects import cell_means, effects
from analysis.sweeps.measures import measured
from analysis.sweeps.report import answer, sweep_report
from market_sim import MarketConfig, run_market
from market_sim.campaign.job import in_order
from market_sim.campaign.parts import packed
from market_sim.campaign.store import DONE, FAILED, KILLED, entries_in
from market_sim.campaign.watch import duration
from market_sim.campaign.workers import Workers
from market_sim.directory import directory_of
from market_sim.sweeps.dataset import CAMPAIGN, Sweep, load_sweep, read_description
from market_sim.sweeps.plan import SweepPlan, read_plan
from market_sim.sweeps.play import play_run, play_sweep
from market_sim.tables import TABLES
from scenarios.commands.answer import Answer
from scenarios.commands.progress import bar
from scenarios.commands.settings import market_fields, value_of
from scenarios.commands.threads import torch_threads

SHOWN = {"test_accuracy": "accuracy", "error_bound": "error bound", "spent": "spent", "gain": "gain per lie"}
"""Measures in the terminal, and their headings; the report has all."""
UNITS = (
    "Accuracy: on the test set, after the last round. Error bound: of valid rounds. Spent: per cent of all budgets. "
    "Gain: per cent of her cost of all she has; of owners who act together, their group's, shared."
)
SAMPLE, ROUNDS = 6, 10
"""Cells and rounds that a dry run plays."""


def plan_of(
    settings: Iterable[str],
    strategies: Iterable[str],
    data: str | None,
    config: Path | None,
    seeds: int | None,
    first_seed: int | None,
) -> SweepPlan:
    """Return the plan that the options of the command line describe.

    Parameters
    ----------
    settings : iterable of str
        ``FIELD=VALUE`` for all runs, ``FIELD=VALUE,VALUE`` to vary it; a list in brackets is one value.
    strategies : iterable of str
        ``NAME=SHARE``, for all runs.
    data : str, optional
    config : Path, optional
        A TOML file (``read_plan``); what the options set comes on top.
    seeds, first_seed : int, optional
    """
    plan = SweepPlan() if config is None else read_plan(config)
    fixed, grid = [], {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        values = values_of(text)
        if equals and len(values) > 1:
            grid[name.strip().replace("-", "_")] = values
        else:
            fixed.append(setting)
    fields = market_fields(fixed, strategies, data)
    again = next((name for name in [*grid, *fields] if name in plan.varied), None)
    if again is not None:
        raise ValueError(f"--set {again}: {config} varies it already; set it once")
    changed = SweepPlan(
        {**plan.fields, **fields}, {**plan.grid, **grid}, plan.zipped, plan.exclude, plan.seeds, plan.first_seed
    )
    return changed.with_seeds(seeds, first_seed)


def values_of(text: str) -> list[Any]:
    """Values between commas that stand in no brackets or quotation marks: ``a,b``, ``0.1,0.5``, ``[0.1,2],[1,1]``."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "[({") - (character in "])}")
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [value_of(part.strip()) for part in parts]


def sweep_command(plan: SweepPlan, out: Path, *, workers: Workers, progress: bool) -> Answer:
    """Play a sweep and sum it up."""
    found = play_sweep(plan, out, workers=workers, progress=progress)
    return _answer(found, measured(found), [f"Tables of all runs: {out}", f"Report: market-sim report {out}"])


def report_command(directory: Path, target: Path | None) -> Answer:
    """Write the report on a sweep, by default into its directory."""
    found = load_sweep(directory)
    page = target or found.directory / "report.html"
    table = measured(found)
    write_file(page, sweep_report(found, table))
    return _answer(found, table, [f"Report: {page}"])


def dry_run(plan: SweepPlan, out: Path | None, *, workers: Workers) -> Answer:
    """Say how many runs there are, how long they take and what they need on disk, from some rounds of some cells."""
    markets = plan.configs()
    done = _done(out) if out is not None else set()
    keys = [f"{cell},seed={seed}" for cell in markets for seed in plan.all_seeds()]
    left = [key for key in keys if key not in done]
    names = list(markets)[:: max(1, len(markets) // SAMPLE)][:SAMPLE]
    seconds, size = [], []
    with torch_threads(1), bar(True, "Trying some rounds", len(names)) as advance:
        for name in names:
            took, needs = _estimate(markets[name])
            seconds.append(took)
            size.append(needs)
            advance(name)
    each, bytes_each = sum(seconds) / len(seconds), sum(size) / len(size)
    processes = workers.pool(len(left)).size
    total = each * len(left) / processes
    disk = 2 * bytes_each * len(keys)  # Parts, from which it grows, and tables.
    figures = {
        "runs": len(keys), "done": len(keys) - len(left), "cells": len(markets), "seeds": plan.seeds,
        "workers": processes, "seconds_a_run": each, "seconds": total, "bytes": disk,
    }  # fmt: skip
    lines = [
        f"{counted(len(markets), 'market')} under {counted(plan.seeds, 'seed')}: {counted(len(keys), 'run')}, "
        f"{len(keys) - len(left):,} of them done.",
        f"About {duration(each)} a run: {duration(total)} with {counted(processes, 'worker')}.",
        f"About {disk / 1e6:,.1f} MB on disk.",
        f"From the first rounds of {counted(len(names), 'market')}; nothing was written.",
    ]
    return Answer(figures=figures, summary=tuple(map(Text, lines)))


def status(directory: Path) -> Answer:
    """Say where a sweep stands: what is done, what failed and why, how long runs took."""
    folder = directory_of("directory", directory)
    if not (folder / CAMPAIGN).is_dir():
        raise FileNotFoundError(f"{str(folder)!r} holds no sweep; pass the directory that `market-sim sweep` writes")
    entries = list(entries_in(folder / CAMPAIGN))
    done = {entry.key: entry for entry in entries if entry.status == DONE}
    failed = {entry.key: entry for entry in entries if entry.status in (FAILED, KILLED) and entry.key not in done}
    description = read_description(folder)
    running = list((folder / CAMPAIGN / "running").iterdir())
    each = sum(entry.seconds for entry in done.values()) / len(done) if done else None
    figures = {
        "complete": description is not None,
        "done": len(done),
        "failed": in_order(failed),
        "running": len(running),
        "seconds_a_run": each,
        "hosts": sorted({entry.host for entry in done.values()}),
    }
    lines = [f"{counted(len(done), 'run')} done" + (f", {duration(each)} each." if each is not None else ".")]
    lines.append(
        f"Complete: {counted(len(description['runs']), 'run')} in the tables."
        if description is not None
        else f"Not complete: {counted(len(running), 'run')} begun. The command that began it goes on with it."
    )
    for key in in_order(failed):
        lines.append(f"Failed: {key}: {failed[key].error.strip().splitlines()[-1]}")
    return Answer(figures=figures, summary=tuple(map(Text, lines)))


def repeat_run(directory: Path, key: str, out: Path, *, progress: bool) -> Answer:
    """Play one run of a sweep by itself, and compare it with the sweep's rows, bit by bit."""
    found = load_sweep(directory)
    runs = found.runs.set_index("key")
    key = one_of("run of this sweep", key, runs.index)
    cell, seed = str(runs.loc[key, "cell"]), int(runs.loc[key, "seed"])
    fields = dict(found.description["configs"][cell])
    try:
        market = MarketConfig(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"run {key}: its market cannot be had from {directory} alone ({error})") from None
    with torch_threads(1):
        results = run_market(market, seed=seed, out=out, progress=progress)
    unlike = []
    for name in TABLES:
        kept = found.frame(name, cell)
        kept = kept[kept["seed"] == seed].drop(columns=["cell", "seed"]).reset_index(drop=True)
        if not _same(name, kept, getattr(results, name)):
            unlike.append(name)
    figures = {"run": key, "out": str(out), "same": not unlike, "unlike": unlike}
    said = "the same as in the sweep, bit by bit" if not unlike else f"other than in the sweep: {', '.join(unlike)}"
    return Answer(figures=figures, summary=(Text(f"{key}: {said}."), Text(f"Tables: {out}")))


def _same(name: str, kept: pd.DataFrame, found: pd.DataFrame) -> bool:
    import pyarrow as pa

    tables = [pa.Table.from_pandas(frame, schema=TABLES[name], preserve_index=False) for frame in (kept, found)]
    one, other = (packed({name: table.combine_chunks()})[0] for table in tables)
    return one == other


def _estimate(market: MarketConfig) -> tuple[float, float]:
    """Seconds and bytes of a whole run, from its first rounds."""
    first = min(market.rounds, ROUNDS)
    took: list[tuple[int, float]] = []
    size: list[tuple[int, float]] = []
    for rounds in sorted({max(1, first // 2), first}):
        started = time.perf_counter()
        content, _ = packed(play_run(_with_rounds(market, rounds), 0).tables)
        took.append((rounds, time.perf_counter() - started))
        size.append((rounds, len(content)))
    return _line(took, market.rounds), _line(size, market.rounds)


def _line(known: list[tuple[int, float]], at: int) -> float:
    """The value at ``at`` of the line through the first and the last point; it never falls."""
    (first, low), (last, high) = known[0], known[-1]
    slope = max(0.0, (high - low) / (last - first)) if last > first else 0.0
    return float(high + slope * (at - last))


def _with_rounds(market: MarketConfig, rounds: int) -> MarketConfig:
    from dataclasses import replace

    return replace(market, rounds=rounds)


def _done(out: Path) -> set[str]:
    folder = out / CAMPAIGN
    return {entry.key for entry in entries_in(folder) if entry.status == DONE} if folder.is_dir() else set()


def _answer(found: Sweep, table: pd.DataFrame, files: list[str]) -> Answer:
    means, changes = cell_means(table), effects(table, found.varied)
    figures = {
        "cells": found.cells,
        "seeds": found.seeds,
        "means": means.to_dict("records"),
        "effects": changes.to_dict("records"),
        "notes": found.description["notes"],
    }
    notes = [f"Note: {note}" for note in found.description["notes"]]
    summary: list[Any] = [Text(answer(changes)), _table(means), Text(UNITS), *map(Text, [*notes, *files])]
    return Answer(figures=figures, summary=tuple(summary))


def _table(means: pd.DataFrame) -> Table:
    shown = Table(title="Means over the seeds [95 %]", box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("market", overflow="fold")
    measures = [name for name in SHOWN if name in set(means["measure"])]
    for name in measures:
        shown.add_column(SHOWN[name], justify="right", no_wrap=True)
    for cell, rows in means.groupby("cell", sort=False):
        known: Mapping[Any, Any] = rows.set_index("measure").to_dict("index")
        cells = [
            with_interval(known[name]["mean"], known[name]["low"], known[name]["high"]) if name in known else ""
            for name in measures
        ]
        shown.add_row(Text(str(cell)), *map(Text, cells))
    return shown
