"""The paired run: the same market and seed with everybody telling the truth, beside which a run with lies is seen.

The streams of random numbers are the same, so owners, sampling, budgets' draws and noise are those of the run itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from agents.broker.auctions.parts.recall import Recall
from agents.locks import locked
from market_sim.checkpoints import discard
from market_sim.config import MarketConfig
from market_sim.directory import sweep
from market_sim.results import PAIRED_RUN, Results, load_results
from market_sim.run import run_market


class NotPlayedError(ValueError):
    """Why a paired run cannot be had."""


def truthful_twin(config: MarketConfig) -> MarketConfig:
    """Return the same market with everybody telling the truth, and without the search for the first best."""
    return replace(config, strategies={"truthful": 1.0}, strategy_options={}, first_best=False)


def paired_rounds(run: Results, twin: Results) -> pd.DataFrame:
    """Rounds of the paired run, as many as the run itself has, which may have been interrupted."""
    return twin.rounds[twin.rounds["round"] < run.config["rounds_completed"]]


def play_paired_run(
    run: Results, directory: str | Path | None = None, *, progress: bool = False, recall: Recall | None = None
) -> Results:
    """Return the paired run of a run: the one kept in its directory, or else play it, and keep it there.

    Parameters
    ----------
    run : Results
    directory : str or Path, optional
        Where the run is; the paired run lies in its subdirectory ``PAIRED_RUN``. Without, it is not kept.
    progress : bool
        Show a progress bar on standard error.
    recall : Recall, optional
        As for ``run_market``.

    Raises
    ------
    NotPlayedError
        If the market cannot be had again from its ``config.json``: an auction of one's own, noise without a seed, or an
        auction or files that are no longer what they were.
    """
    twin, seed = _twin(run.config), int(run.config["seed"])
    if all(name == "truthful" for name, share in run.config["config"]["strategies"].items() if share > 0):
        return run
    kept = None if directory is None else Path(directory) / PAIRED_RUN
    found = _kept(kept, twin, seed)
    if found is None:
        # What is there and cannot be gone on with stays, and the run is played without being kept.
        begun = kept if kept is None or not kept.exists() else _begun(kept, twin, seed)
        found = _play(twin, seed, progress, begun, recall)
    elif kept is not None:
        with suppress(OSError), locked(kept):  # What a process left that ended just after it; nothing to a mere reader.
            sweep(kept)
            discard(kept)
    for name in ("auction", "data_files"):
        if found.config[name] != run.config[name]:
            raise NotPlayedError(f"{name.replace('_', ' ')} changed since it was played")
    return found


def _twin(manifest: Mapping[str, Any]) -> MarketConfig:
    """Return the truthful twin of the market that a manifest records."""
    fields = {**manifest["config"], "strategies": {"truthful": 1.0}, "strategy_options": {}}
    if fields["noise_source"] != "generator":
        raise NotPlayedError(f"noise from {fields['noise_source']!r} cannot be had again")
    try:
        return truthful_twin(MarketConfig(**fields))
    except (ValueError, TypeError, OSError) as error:
        raise NotPlayedError(str(error)) from error


def _play(twin: MarketConfig, seed: int, progress: bool, out: Path | None, recall: Recall | None) -> Results:
    try:
        with warnings.catch_warnings():
            # What is to be said of this market was said when the run itself was played.
            warnings.simplefilter("ignore")
            return run_market(twin, seed=seed, out=out, progress=progress, recall=recall)
    except (ValueError, TypeError, OSError) as error:
        raise NotPlayedError(str(error)) from error


def _begun(directory: Path, twin: MarketConfig, seed: int) -> Path | None:
    """Return the directory if it holds a paired run that was interrupted."""
    found = load_results(directory) if directory.is_dir() else None
    same = found is not None and (found.config["config"], found.config["seed"]) == (twin.as_json(), seed)
    return directory if same else None


def _kept(directory: Path | None, twin: MarketConfig, seed: int) -> Results | None:
    """Return the paired run that a directory holds, complete; None if it holds none or another's."""
    if directory is None or not directory.is_dir():
        return None
    found = load_results(directory)
    same = (found.config["config"], found.config["seed"]) == (twin.as_json(), seed)
    return found if same and not found.config["interrupted"] else None
