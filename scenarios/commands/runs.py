"""Runs read back from their directories, each beside its paired run in which everybody tells the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from analysis.report.runs import MarketRuns, markets_of
from market_sim import load_results
from market_sim.paired_run import NotPlayedError, paired_rounds, play_paired_run
from market_sim.results import PAIRED_RUN, Results
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

PROCESSES = 2


@dataclass(frozen=True)
class RunsRead:
    """Markets of the runs read, and why some have no paired run."""

    markets: list[MarketRuns]
    not_played: list[str]


def read_runs(folders: Mapping[str, Path], *, progress: bool, processes: int = PROCESSES) -> RunsRead:
    """Read runs, and put those of the same market together.

    Paired runs that lie in their directories are read. If all runs are of one market, those that are missing are played
    and kept there; the comparison of several asks nothing of them.

    Parameters
    ----------
    folders : mapping of str to Path
        Directories by the names of the runs.
    progress : bool
        Whether to show a progress bar.
    processes : int
        How many paired runs are played at a time.
    """
    runs = {name: load_results(folder) for name, folder in folders.items()}
    one_market = len(markets_of(runs)) == 1
    wanted = {name: run for name, run in runs.items() if one_market or (folders[name] / PAIRED_RUN).is_dir()}
    paired: dict[str, pd.DataFrame] = {}
    not_played = []
    played = Parallel(n_jobs=min(processes, max(1, len(wanted))), return_as="generator")(
        delayed(_paired)(run, folders[name]) for name, run in wanted.items()
    )
    with bar(progress, "Everybody truthful", len(wanted)) as advance:
        for name, found in zip(wanted, played, strict=True):
            advance(name)
            if isinstance(found, str):
                not_played.append(f"{name} was not played with everybody telling the truth: {found}.")
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
