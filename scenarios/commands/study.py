"""The runner of all studies of strategic owners: several markets, several seeds, one finding."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from agents.broker.auctions.parts.recall import Recall
from agents.checks import MAX_SEED, whole
from analysis.summary import stacked
from market_sim import MarketConfig, run_market
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.finished import Finished
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers
from market_sim.model import configured
from market_sim.paired_run import paired_rounds, play_paired_run, truthful_twin
from market_sim.results import NOT_WRITTEN, PAIRED_RUN, Results
from market_sim.sweeps.play import files_of
from market_sim.tables import TABLES
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.study_answers import with_answers
from scenarios.commands.study_summary import StudyFinding, write_finding

REPETITIONS = 5
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
        workers: Workers | None = None,
    ) -> Answer:
        """Play ``repetitions`` seeds of every market; who plays them, ``workers``, changes no figure."""
        played = markets(replace_fields(market, fields, compared=compared))
        seeds = seeds_of(seed, repetitions)
        configuration = {key: one.as_json() for key, one in played.items()}
        identity = {"scenario": name, "seed": seed, "repetitions": repetitions, "markets": configuration}
        with scenario_directory(out, identity) as folder:
            tables = play(played, seeds, folder, progress=progress, workers=workers, kept=unfinished(out))
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
    workers: Workers | None = None,
    kept: Path | None = None,
    unpaired: Collection[str] = (),
    together: bool = False,
) -> dict[str, StudyTables]:
    """Play every market with every seed, each into ``folder / f"{market}-{seed}"``, and return their tables.

    Of every market in which somebody lies, the paired run is played too (``market_sim.paired_run``), into the directory
    of the run; markets that differ in their liars only share it, and where it is among the markets it is not repeated.
    Those named in ``unpaired`` have none. Markets that ask the same of one auction, which draws and remembers nothing,
    are best played ``together``: those of a seed are then one job, and no answer is worked out twice. In ``kept`` lies
    what was played, until all of it is: the same call goes on from there.
    """
    truth = truthful_markets({key: market for key, market in markets.items() if key not in unpaired})
    paired = {key for key in markets if truth.get(key) == (key, True)}
    jobs = {job.name: job for job in _jobs(list(markets), seeds, paired, together=together)}
    found: dict[tuple[str, int], tuple[Results, pd.DataFrame | None]] = {}
    with kept_in(None if kept is None else kept / "runs") as directory:
        played = run_campaign(
            [
                Job(name, play_markets, ([(key, markets[key]) for key in job.keys], job.seed, job.paired, job.itself))
                for name, job in jobs.items()
            ],
            directory,
            identity={
                "markets": {key: market.as_json() for key, market in markets.items()},
                "paired": sorted(paired),
            },
            workers=workers,
            files={file for market in markets.values() for file in files_of(market)},
            title="Playing markets",
            progress=progress,
        )
        runs = {(key, job.seed): name for name, job in jobs.items() for key in job.keys if job.itself}
        twins = {(key, job.seed): name for name, job in jobs.items() for key in job.paired}
        for (key, seed), job in runs.items():
            found[key, seed] = _saved(played, job, twins.get((key, seed), job), key, folder / f"{key}-{seed}")

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


@dataclass(frozen=True)
class _StudyJob:
    """Runs of one seed that one process plays: of which markets, which of them with paired runs, and these alone."""

    keys: list[str]
    seed: int
    paired: list[str]
    itself: bool = True

    @property
    def name(self) -> str:
        """What tells it apart, of which paired runs it has among other things: a longer study splits other seeds."""
        name = f"{'-'.join(self.keys)}-{self.seed}"
        if not self.paired:
            return name
        return f"{name}-with-{PAIRED_RUN}" if self.itself else f"{name}-{PAIRED_RUN}"


def _jobs(keys: Sequence[str], seeds: Sequence[int], paired: Collection[str], *, together: bool) -> list[_StudyJob]:
    """The jobs of a study, the longest first.

    Of markets that are played together the last seed's paired runs are a job of their own, though its answers are then
    worked out twice: on two cores the fifth of five seeds would keep one of them waiting.
    """
    jobs = []
    for seed in seeds:
        for group in [list(keys)] if together else [[key] for key in keys]:
            twins = [key for key in group if key in paired]
            if together and twins and len(seeds) > 1 and seed == seeds[-1]:
                jobs += [_StudyJob(group, seed, []), _StudyJob(twins, seed, twins, itself=False)]
            else:
                jobs.append(_StudyJob(group, seed, twins))
    return jobs


def play_markets(
    markets: Sequence[tuple[str, MarketConfig]], seed: int, paired: Collection[str] = (), itself: bool = True
) -> JobResult:
    """Runs of several markets by their names, as the job of a campaign.

    Parameters
    ----------
    markets : sequence of (str, MarketConfig)
    seed : int
    paired : collection of str
        Those whose paired run is played too.
    itself : bool
        Whether the runs themselves are played, or only their paired runs.
    """
    tables: dict[str, pa.Table] = {}
    configs: dict[str, Any] = {}
    recall = Recall() if len(markets) > 1 else None
    for key, market in markets:
        played = {key: run_market(market, seed=seed, recall=recall)} if itself else {}
        if key in paired:
            twin = (
                play_paired_run(played[key], recall=recall) if itself else run_market(truthful_twin(market), seed=seed)
            )
            if twin is not played.get(key):
                played[f"{key}-{PAIRED_RUN}"] = twin
        for name, run in played.items():
            tables |= {f"{name}-{kind}": table for kind, table in result_tables(run).items()}
            configs[name] = run.config
    return JobResult(tables, configs)


def result_tables(run: Results) -> dict[str, pa.Table]:
    """The tables of a run as Arrow has them; those without rows are left out."""
    tables = {
        name: pa.Table.from_pandas(getattr(run, name), schema=schema, preserve_index=False)
        for name, schema in TABLES.items()
    }
    return {name: table for name, table in tables.items() if len(table)}


def results_of(played: Finished, key: str, config: str = "config") -> Results | None:
    """A run of a campaign, or its paired run; None if there is none."""
    figures = played.figures(key)
    if config not in figures:
        return None
    prefix = "" if config == "config" else f"{config}-"
    kept = {name for name in TABLES if f"{prefix}{name}" in played.entries[key].places}
    frames = {
        name: (played.table(key, f"{prefix}{name}") if name in kept else schema.empty_table()).to_pandas()
        for name, schema in TABLES.items()
    }
    return Results(**frames, config={k: value for k, value in figures[config].items() if k not in NOT_WRITTEN})


def _saved(played: Finished, job: str, job_of_twin: str, key: str, out: Path) -> tuple[Results, pd.DataFrame | None]:
    """Write the directory of a run of a job; return the run, and the rounds of its paired run if that was asked for."""
    run, twin = results_of(played, job, key), results_of(played, job_of_twin, f"{key}-{PAIRED_RUN}")
    assert run is not None
    # A run in which nobody lies is its own paired run.
    assert twin is not None or job_of_twin == job
    run.save(out)
    if twin is not None:
        twin.save(out / PAIRED_RUN)
    return run, paired_rounds(run, run if twin is None else twin)
