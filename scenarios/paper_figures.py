"""What do the paper's figures look like with the mechanisms here?

FL-Market's Fig. 7 (error bound against budget), 8 (invalid rounds), 9 (accuracy against rounds), 10 (guarantees
against the number of privacy levels M) and Table I, IID and non-IID, with intervals; what the paper prints is drawn in
as hollow marks. Quick by default; ``--set mode=full`` takes the samples of a publication and trains Fig. 10 to its end
(hours). ``--data DIRECTORY`` learns NSL-KDD, the paper's task, in Fig. 9; without, the digits that come with it.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from agents.broker.auctions.base import Auction, MenuAuction
from agents.broker.auctions.registry import auction_classes, load_auction
from agents.broker.training.registry import trainer
from agents.checks import one_of
from agents.prior import OwnerPrior
from agents.tasks.registry import load_task
from analysis import published_values as published
from analysis.paper_figures import FACTORS, PRIORS, WEIGHTS, bounds_by_budget, guarantees
from analysis.plots.paper import accuracy_figure, error_bound_figure, guarantees_figure, invalid_figure
from analysis.summary import accuracy_by_round, stacked
from market_sim import MarketConfig, run_market
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.finished import Finished
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.workers import Workers
from market_sim.sweeps.play import files_of
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.paper_summary import paper_report, paper_summary

OPTIONS = "--set mode=quick or --set mode=full, --data DIRECTORY, --seed, --out, --json"
DURATION = "about a minute and a half in its quick mode, hours in the full one"

OWNERS = 10
PAPER_AUCTIONS = ("regretnet", "m-regretnet", "dm-regretnet")
OWN_AUCTIONS = ("ascending-menu", "all-in")
TRAINED_BY_LEVELS = ("m-regretnet", "dm-regretnet")
"""Whose number of levels is varied: the paper's Fig. 10 is about the first."""
EXACT_AUCTION = "ascending-menu"
"""Beside them, an exactly truthful auction at the number of levels it has."""


@dataclass(frozen=True)
class Mode:
    """How much is sampled.

    Parameters
    ----------
    profiles : int
        Profiles per setting and budget factor (Fig. 7 and 8).
    deviators, queries : int
        Profiles on which lies are tried, and lies per owner (Fig. 10, Table I).
    seeds, rounds : int
        Runs per market, and rounds of each (Fig. 9).
    levels : tuple of int
        Numbers of levels M (Fig. 10).
    steps, batch : int, optional
        Training steps per M, and markets in each; without, as many as the recipe says.
    """

    profiles: int
    deviators: int
    queries: int
    seeds: int
    rounds: int
    levels: tuple[int, ...]
    steps: int | None
    batch: int | None


MODES: Mapping[str, Mode] = {
    "quick": Mode(
        profiles=500, deviators=40, queries=40, seeds=3, rounds=100, levels=(1, 2, 4, 8, 16), steps=100, batch=128
    ),
    "full": Mode(
        profiles=4000, deviators=500, queries=300, seeds=20, rounds=100, levels=(1, 2, 4, 8, 16), steps=None, batch=None
    ),
}
MARKET = MarketConfig(
    task="digits", owners=100, bidders=OWNERS, perturbation="privunit", clip="owner", clip_norm=0.1, learning_rate=1.0
)
"""Of Fig. 9. The paper clips to an L1 ball and adds Laplace noise, under which next to nothing is learned."""
POPULATIONS: Mapping[str, Mapping[str, Any]] = {
    "IID": {"sizes": "lognormal", "partition": "iid"},
    "non-IID": {"sizes": "dirichlet", "partition": "label-skew"},
}


def run(
    *,
    seed: int = 0,
    out: Path = Path("runs/paper-figures-seed0"),
    progress: bool = True,
    fields: Mapping[str, Any] | None = None,
    modes: Mapping[str, Mode] = MODES,
    workers: Workers | None = None,
) -> Answer:
    """Measure, draw, write figures, tables and a report to ``out``, and sum up.

    Parameters
    ----------
    seed : int
        Of everything random.
    out : Path
        Directory to write: ``fig7.png`` to ``fig10.png``, the tables behind them, ``report.html``.
    progress : bool
        Whether to show progress bars.
    fields : mapping, optional
        ``mode`` (quick or full) and ``data`` (directory of the NSL-KDD files).
    modes : mapping
        What the modes mean.
    workers : Workers, optional
        Who plays and trains; by default a process per core.

    Raises
    ------
    ValueError
        If a field is unknown, or ``data`` lacks the files.
    """
    given = dict(fields or {})
    for name in given:
        one_of("field of paper-figures", name, ("mode", "data"))
    name = one_of("mode", given.get("mode", "quick"), modes)
    mode, market = modes[name], MARKET
    if "data" in given:
        market = dataclasses.replace(MARKET, task="nsl-kdd", data=given["data"], owners=1000)
    chance = load_task(market.task, market.data).chance
    played = {"scenario": "paper-figures", "seed": seed, "mode": dataclasses.asdict(mode), "market": market.as_json()}
    with scenario_directory(out, played) as folder:
        auctions, skipped = mechanisms()
        jobs = {
            "bounds": _bounds(auctions, mode, seed),
            "table-1": _table_1(auctions, mode, seed),
            "accuracy": _accuracy(list(auctions), market, mode, seed),
            "levels": _levels(unfinished(out).absolute(), mode, seed),
        }
        found = run_campaign(
            [job for part in jobs.values() for job in part],
            unfinished(out) / "figures",
            identity={**played, "skipped": skipped},
            workers=workers,
            files=files_of(market),
            title="Measuring and playing",
            progress=progress,
        )
        tables = {name: _rows(found, part) for name, part in jobs.items()}
        for job in jobs["levels"]:
            for file, content in zip(*found.table(job.key, "files").to_pydict().values(), strict=True):
                (folder / file).write_bytes(content)
        task = {"digits": "digits", "nsl-kdd": "NSL-KDD"}[str(market.task)]
        pictures = {
            "fig7": error_bound_figure(tables["bounds"], published.error_bounds()),
            "fig8": invalid_figure(tables["bounds"], published.invalid_rates()),
            "fig9": accuracy_figure(tables["accuracy"], published.accuracies(), chance=chance, task=task),
            "fig10": guarantees_figure(tables["levels"], published.guarantees_by_levels()),
        }
        for table, frame in tables.items():
            frame.to_parquet(folder / f"{table}.parquet", index=False)
        for figure, picture in pictures.items():
            picture.savefig(folder / f"{figure}.png", dpi=100)
        html = paper_report(tables, pictures, skipped=skipped, played=played)
        (folder / "report.html").write_text(html, encoding="utf-8")
    figures = {
        "mode": name,
        "skipped": skipped,
        **{
            table: frame.astype(object).where(frame.notna(), None).to_dict("records")
            for table, frame in tables.items()
            if table != "accuracy"
        },
    }
    return Answer(figures=figures, summary=paper_summary(tables, skipped, out))


def mechanisms() -> tuple[dict[str, Auction], dict[str, str]]:
    """The paper's auctions and ours, loaded, and what was skipped and why.

    Beside the paper's three and the two that are always drawn, every registered auction that was trained takes part.
    """
    learned = [name for name in auction_classes() if name not in (*PAPER_AUCTIONS, *OWN_AUCTIONS)]
    loaded: dict[str, Auction] = {}
    skipped: dict[str, str] = {}
    for name in (*PAPER_AUCTIONS, *OWN_AUCTIONS, *learned):
        try:
            auction = load_auction(one_of("auction", name, auction_classes()), OwnerPrior())
        except (ValueError, OSError) as error:
            if name in (*PAPER_AUCTIONS, *OWN_AUCTIONS):
                skipped[name] = " ".join(str(error).split())
            continue
        maximum = getattr(auction, "max_owners", None)
        if name in learned and getattr(auction, "card", None) is None:
            continue
        if maximum is not None and maximum < OWNERS:
            skipped[name] = f"takes at most {maximum} bidders, the paper's figures have {OWNERS}"
            continue
        loaded[name] = auction
    return loaded, skipped


def _rows(found: Finished, jobs: Sequence[Job]) -> pd.DataFrame:
    """The rows that these jobs found, in the order of the jobs."""
    return pd.DataFrame([row for job in jobs for row in found.figures(job.key)["rows"]])


def _bounds(auctions: Mapping[str, Auction], mode: Mode, seed: int) -> list[Job]:
    return [
        Job(f"bounds, {setting}, f = {factor:g}", _bounds_at, (dict(auctions), setting, factor, mode.profiles, seed))
        for setting, factor in itertools.product(PRIORS, FACTORS)
    ]


def _bounds_at(auctions: Mapping[str, Auction], setting: str, factor: float, profiles: int, seed: int) -> JobResult:
    priors = {setting: PRIORS[setting]}
    table = bounds_by_budget(auctions, priors=priors, factors=(factor,), owners=OWNERS, profiles=profiles, seed=seed)
    return JobResult(figures={"rows": table.to_dict("records")})


def _table_1(auctions: Mapping[str, Auction], mode: Mode, seed: int) -> list[Job]:
    return [
        Job(f"lies, {setting}, {name}", _lies_in, (auction, setting, name, mode, seed))
        for setting, (name, auction) in itertools.product(PRIORS, auctions.items())
    ]


def _lies_in(auction: Auction, setting: str, name: str, mode: Mode, seed: int) -> JobResult:
    search: dict[str, int] = {"owners": OWNERS, "profiles": mode.deviators, "queries": mode.queries, "seed": seed}
    found = guarantees(auction, PRIORS[setting], **search)
    return JobResult(figures={"rows": [{"setting": setting, "auction": name, **found}]})


def _accuracy(names: list[str], market: MarketConfig, mode: Mode, seed: int) -> list[Job]:
    seeds = range(mode.seeds * seed, mode.seeds * (seed + 1))
    return [
        Job(
            f"accuracy, {setting}, {name}, {weights}",
            _play,
            (
                dataclasses.replace(
                    market, auction=name, aggregation=weights, rounds=mode.rounds, **POPULATIONS[setting]
                ),
                setting,
                seeds,
            ),
        )
        for setting, name, weights in itertools.product(POPULATIONS, names, WEIGHTS)
    ]


def _play(market: MarketConfig, setting: str, seeds: range) -> JobResult:
    with _ignore_warnings():
        rounds = stacked({seed: run_market(market, seed=seed).rounds for seed in seeds})
    curve = accuracy_by_round(rounds).reset_index()
    curve = curve.assign(
        setting=setting, auction=market.auction, aggregation=market.aggregation, round=curve["round"] + 1
    )
    columns = ["setting", "auction", "aggregation", "round", "mean", "low", "high"]
    return JobResult(figures={"rows": curve[columns].to_dict("records")})


@contextmanager
def _ignore_warnings() -> Iterator[None]:
    """Silence the warning of owners out of the training's distribution: that is what is measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _levels(kept: Path, mode: Mode, seed: int) -> list[Job]:
    trained = [
        Job(f"levels, {name}, {levels}", _trained, (kept, name, levels, mode, seed))
        for name, levels in itertools.product(TRAINED_BY_LEVELS, mode.levels)
    ]
    return [*trained, Job(f"levels, {EXACT_AUCTION}", _exact, (mode, seed))]


def _exact(mode: Mode, seed: int) -> JobResult:
    exact = load_auction(EXACT_AUCTION, OwnerPrior())
    types, budget = OwnerPrior().sample(1, OWNERS, torch.Generator().manual_seed(seed))
    assert isinstance(exact, MenuAuction)
    levels = len(set(exact.price_list(types.truthful_bids(), budget).privacy_loss.flatten().tolist())) - 1
    rows = _guarantees_by_setting(exact, EXACT_AUCTION, mode, seed, levels=levels, steps=None)
    return JobResult({"files": pd.DataFrame({"name": [], "content": []})}, {"rows": rows})


def _guarantees_by_setting(
    auction: Auction, name: str, mode: Mode, seed: int, **columns: int | None
) -> list[dict[str, Any]]:
    """Return the guarantees found in both settings, a row each, with these further columns."""
    search: dict[str, int] = {"owners": OWNERS, "profiles": mode.deviators, "queries": mode.queries, "seed": seed}
    return [
        {"setting": setting, "auction": name, **columns, **guarantees(auction, prior, **search)}
        for setting, prior in PRIORS.items()
    ]


def _trained(kept: Path, name: str, levels: int, mode: Mode, seed: int) -> JobResult:
    """An auction with so many levels, trained here on the IID prior; ``kept`` is where its state is, if it is there."""
    training = trainer(name)
    shortened = {key: value for key, value in (("steps", mode.steps), ("batch", mode.batch)) if value is not None}
    recipe = training.recipe(seed=seed, levels=levels, **shortened)
    stem = f"{name}-{levels}-levels"
    state = kept / f"{stem}.state" if kept.is_dir() else None
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"{stem}.safetensors")
        training.make_checkpoint(path, OwnerPrior(), recipe, state=state, measured=(100, 2, 4))
        auction = load_auction(path, OwnerPrior())
        files = sorted(Path(scratch).iterdir())
        content = pd.DataFrame({"name": [f.name for f in files], "content": [f.read_bytes() for f in files]})
    rows = _guarantees_by_setting(auction, name, mode, seed, levels=levels, steps=recipe.steps)
    return JobResult({"files": content}, {"rows": rows})
