"""The runner of all studies of strategic owners: several markets, several seeds, one finding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from agents.checks import MAX_SEED, whole
from analysis.summary import stacked
from market_sim import MarketConfig, run_market
from market_sim.model import configured
from market_sim.paired_run import paired_rounds, play_paired_run, truthful_twin
from market_sim.results import Results
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.progress import bar
from scenarios.commands.study_answers import with_answers
from scenarios.commands.study_summary import StudyFinding, write_finding
from scenarios.commands.threads import torch_threads

REPETITIONS = 5
PROCESSES = 2
TABLES_USED = ("rounds", "trades", "groups")


@dataclass(frozen=True)
class StudyTables:
    """One market and its tables under several seeds, with a column ``seed``.

    Parameters
    ----------
    market : MarketConfig
    rounds, trades, groups : DataFrame
    paired_rounds : DataFrame, optional
        Rounds of the same seeds with everybody telling the truth; None where they were not played.
    """

    market: MarketConfig
    rounds: pd.DataFrame
    trades: pd.DataFrame
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    paired_rounds: pd.DataFrame | None = None


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
            return write_finding(name, with_answers(find(tables), tables), folder, out)

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
    unpaired: Collection[str] = (),
) -> dict[str, StudyTables]:
    """Play every market with every seed, each into ``folder / f"{market}-{seed}"``, and return their tables.

    Of every market in which somebody lies, the paired run is played too (``market_sim.paired_run``), into the directory
    of the run; markets that differ in their liars only share it, and where it is among the markets it is not repeated.
    Those named in ``unpaired`` have none.
    """
    truth = truthful_markets({key: market for key, market in markets.items() if key not in unpaired})
    jobs = [(key, seed) for seed in seeds for key in markets]
    runs = Parallel(n_jobs=processes, return_as="generator")(
        delayed(_run)(markets[key], seed, folder / f"{key}-{seed}", paired=truth.get(key) == (key, True))
        for key, seed in jobs
    )
    found: dict[tuple[str, int], tuple[Results, pd.DataFrame | None]] = {}
    with bar(progress, "Playing markets", len(jobs)) as advance:
        for (key, seed), run in zip(jobs, runs, strict=True):
            found[key, seed] = run
            advance(f"{key}, seed {seed}")

    def rounds_of_truth(key: str, seed: int) -> pd.DataFrame:
        run, paired = found[truth[key][0], seed]
        return run.rounds if paired is None else paired

    def tables_of(key: str) -> dict[str, pd.DataFrame]:
        return {name: stacked({seed: getattr(found[key, seed][0], name) for seed in seeds}) for name in TABLES_USED}

    return {
        key: StudyTables(
            market,
            paired_rounds=stacked({seed: rounds_of_truth(key, seed) for seed in seeds}) if key in truth else None,
            **tables_of(key),
        )
        for key, market in markets.items()
    }


def truthful_markets(markets: Mapping[str, MarketConfig]) -> dict[str, tuple[str, bool]]:
    """Where the truthful twin of every market is found: the name of a market, and whether as its paired run."""
    twins = {key: truthful_twin(market) for key, market in markets.items()}
    source: dict[MarketConfig, tuple[str, bool]] = {}
    for key, market in markets.items():
        if replace(market, first_best=False) == twins[key]:
            source.setdefault(twins[key], (key, False))
    for key in markets:
        source.setdefault(twins[key], (key, True))
    return {key: source[twin] for key, twin in twins.items()}


def _run(market: MarketConfig, seed: int, out: Path, *, paired: bool) -> tuple[Results, pd.DataFrame | None]:
    with torch_threads(1):
        run = run_market(market, seed=seed, out=out)
        return run, paired_rounds(run, play_paired_run(run, out)) if paired else None
