"""Runs read back from their directories, each beside its paired run in which everybody tells the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.report.runs import MarketRuns, markets_of
from market_sim import load_results
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers
from market_sim.paired_run import NotPlayedError, paired_rounds, play_paired_run
from market_sim.results import PAIRED_RUN, Results
from scenarios.commands.study import result_tables, results_of
from scenarios.commands.threads import torch_threads


@dataclass(frozen=True)
class RunsRead:
    """Markets of the runs read, and why some have no paired run."""

    markets: list[MarketRuns]
    not_played: list[str]


def read_runs(folders: Mapping[str, Path], *, progress: bool, workers: Workers | None = None) -> RunsRead:
    """Read runs, and put those of the same market together.

    Paired runs that lie in their directories are read. If all runs are of one market, those that are missing are played
    and kept there; the comparison of several asks nothing of them.

    Parameters
    ----------
    folders : mapping of str to Path
        Directories by the names of the runs.
    progress : bool
        Whether to show a progress bar.
    workers : Workers, optional
        Who plays paired runs; by default a process per core.
    """
    runs = {name: load_results(folder) for name, folder in folders.items()}
    one_market = len(markets_of(runs)) == 1
    wanted = {name: run for name, run in runs.items() if one_market or (folders[name] / PAIRED_RUN).is_dir()}
    paired: dict[str, pd.DataFrame] = {}
    not_played = []
    missing = [name for name, run in wanted.items() if not _at_hand(run, folders[name])]
    if len(missing) > 1:
        not_played += _play_missing({name: (runs[name], folders[name]) for name in missing}, workers, progress)
        wanted = {name: run for name, run in wanted.items() if name not in missing or _at_hand(run, folders[name])}
    for name, run in wanted.items():
        found = _paired(run, folders[name])
        if isinstance(found, str):
            not_played.append(_why_not_read(name, found))
        else:
            paired[name] = found
    return RunsRead(markets_of(runs, paired), not_played)


def _paired(run: Results, folder: Path) -> pd.DataFrame | str:
    """Rounds of the paired run, or why there is none."""
    try:
        with torch_threads(1):
            return paired_rounds(run, play_paired_run(run, folder))
    except NotPlayedError as error:
        return str(error).rstrip(".")


def _at_hand(run: Results, folder: Path) -> bool:
    """Whether the paired run need not be played: it is there, or the run itself."""
    strategies = run.config["config"]["strategies"]
    return (folder / PAIRED_RUN).is_dir() or all(name == "truthful" for name, share in strategies.items() if share > 0)


def _play_missing(runs: Mapping[str, tuple[Results, Path]], workers: Workers | None, progress: bool) -> list[str]:
    """Play paired runs, and keep each in the directory of its run; return why some could not be played."""
    said = []
    with kept_in(None) as directory:
        jobs = [Job(name, _play, (run.config,)) for name, (run, _) in runs.items()]
        found = run_campaign(
            jobs, directory, identity={}, workers=workers, title="Everybody truthful", progress=progress
        )
        for name, (_, folder) in runs.items():
            twin = results_of(found, name)
            if twin is None:
                said.append(_why_not_read(name, str(found.figures(name)["refused"])))
            else:
                twin.save(folder / PAIRED_RUN)
    return said


def _play(config: dict[str, Any]) -> JobResult:
    """The paired run of the run with this manifest, as the job of a campaign."""
    try:
        twin = play_paired_run(Results.of({}, config))
    except NotPlayedError as error:
        return JobResult(figures={"refused": str(error).rstrip(".")})
    return JobResult(result_tables(twin), {"config": twin.config})


def _why_not_read(name: str, why: str) -> str:
    return f"{name} was not played with everybody telling the truth: {why}."
