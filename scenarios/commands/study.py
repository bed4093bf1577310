"""The runner of all studies of strategic owners: several markets, several seeds, one finding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from agents.checks import MAX_SEED, whole
from analysis.summary import stacked
from market_sim import MarketConfig, run_market
from market_sim.model import configured
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.progress import bar
from scenarios.commands.study_summary import StudyFinding, write_finding
from scenarios.commands.threads import torch_threads

REPETITIONS = 5
PROCESSES = 2


@dataclass(frozen=True)
class StudyTables:
    """One market and its tables under several seeds, with a column ``seed``."""

    market: MarketConfig
    rounds: pd.DataFrame
    trades: pd.DataFrame


def study(
    name: str,
    market: MarketConfig,
    *,
    compared: Collection[str],
    markets: Callable[[MarketConfig], Mapping[str, MarketConfig]],
    find: Callable[[Mapping[str, StudyTables]], StudyFinding],
) -> Callable[..., Answer]:
    """Return the ``run`` of a scenario that plays several markets and compares them.

    Parameters
    ----------
    name : str
        Of the scenario; its picture is called so.
    market : MarketConfig
        What all its markets have in common; ``run(fields=...)`` replaces some of its fields.
    compared : collection of str
        Fields that the study sets itself and refuses in ``fields``.
    markets : callable
        From the common market to those that are played, by name; one run directory each and per seed.
    find : callable
        From the tables of all markets, by name, to the finding.
    """

    def run(
        *,
        seed: int = 0,
        out: Path = Path(f"runs/{name}-seed0"),
        progress: bool = True,
        fields: Mapping[str, Any] | None = None,
        repetitions: int = REPETITIONS,
        processes: int = PROCESSES,
    ) -> Answer:
        """Play ``repetitions`` seeds of every market, ``processes`` runs at a time; their number changes no figure."""
        played = markets(replace_fields(market, fields, compared=compared))
        seeds = seeds_of(seed, repetitions)
        configuration = {key: one.as_json() for key, one in played.items()}
        identity = {"scenario": name, "seed": seed, "repetitions": repetitions, "markets": configuration}
        with scenario_directory(out, identity) as folder:
            tables = play(played, seeds, folder, progress=progress, processes=processes)
            return write_finding(name, find(tables), folder, out)

    return run


def replace_fields(
    market: MarketConfig, fields: Mapping[str, Any] | None, *, compared: Collection[str]
) -> MarketConfig:
    """Return a study's market with some fields replaced, but none of those that it compares.

    Raises
    ------
    TypeError, ValueError
        If a field is unknown, refused, or one that the study sets itself.
    """
    for name in fields or {}:
        if name in compared:
            raise ValueError(f"field {name!r} is what this study compares; set another, or `market-sim run market`")
    return configured(market, dict(fields or {}))


def seeds_of(seed: int, repetitions: int) -> list[int]:
    """Return the seeds ``repetitions * seed`` and those after it, from 0 again after the largest."""
    whole("repetitions", repetitions, minimum=1)
    return [each % (MAX_SEED + 1) for each in range(repetitions * seed, repetitions * (seed + 1))]


def play(
    markets: Mapping[str, MarketConfig],
    seeds: Sequence[int],
    folder: Path,
    *,
    progress: bool,
    processes: int = PROCESSES,
) -> dict[str, StudyTables]:
    """Play every market with every seed, each into ``folder / f"{market}-{seed}"``, and return their tables."""
    jobs = [(key, seed) for seed in seeds for key in markets]
    runs = Parallel(n_jobs=processes, return_as="generator")(
        delayed(_run)(markets[key], seed, folder / f"{key}-{seed}") for key, seed in jobs
    )
    rounds: dict[str, dict[int, pd.DataFrame]] = {key: {} for key in markets}
    trades: dict[str, dict[int, pd.DataFrame]] = {key: {} for key in markets}
    with bar(progress, "Playing markets", len(jobs)) as advance:
        for (key, seed), tables in zip(jobs, runs, strict=True):
            rounds[key][seed], trades[key][seed] = tables
            advance(f"{key}, seed {seed}")
    return {key: StudyTables(market, stacked(rounds[key]), stacked(trades[key])) for key, market in markets.items()}


def _run(market: MarketConfig, seed: int, out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    with torch_threads(1):
        results = run_market(market, seed=seed, out=out)
    return results.rounds, results.trades
