"""What do the paper's figures look like with the mechanisms here?

FL-Market's Fig. 7 (error bound against budget), 8 (invalid rounds), 9 (accuracy against rounds), 10 (guarantees
against the number of privacy levels M) and Table I, IID and non-IID, with intervals; what the paper prints is drawn in
as hollow marks. Quick by default; ``--set mode=full`` takes the samples of a publication and trains Fig. 10 to its end
(hours). ``--data DIRECTORY`` learns NSL-KDD, the paper's task, in Fig. 9; without, the digits that come with it.
"""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from joblib import Parallel, delayed

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
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.paper_summary import paper_report, paper_summary
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

OPTIONS = "--set mode=quick or --set mode=full, --data DIRECTORY, --seed, --out, --json"
DURATION = "about a minute and a half in its quick mode, hours in the full one"

OWNERS = 10
PAPER_AUCTIONS = ("regretnet", "m-regretnet", "dm-regretnet")
OWN_AUCTIONS = ("sequential-menu", "all-in")
TRAINED_BY_LEVELS = ("m-regretnet", "dm-regretnet")
"""Whose number of levels is varied: the paper's Fig. 10 is about the first."""
EXACT_AUCTION = "sequential-menu"
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
    processes: int = 2,
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
    processes : int
        How many markets are played at a time.

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
    with scenario_directory(out, played) as folder, torch_threads(1):
        auctions, skipped = mechanisms()
        tables = {
            "bounds": _bounds(auctions, mode, seed, progress),
            "table-1": _table_1(auctions, mode, seed, progress),
            "accuracy": _accuracy(list(auctions), market, mode, seed, progress, processes),
            "levels": _levels(folder, mode, seed, progress),
        }
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


def _bounds(auctions: Mapping[str, Auction], mode: Mode, seed: int, progress: bool) -> pd.DataFrame:
    with bar(progress, "error bounds", len(PRIORS) * len(FACTORS)) as advance:
        return bounds_by_budget(auctions, owners=OWNERS, profiles=mode.profiles, seed=seed, watch=advance)


def _table_1(auctions: Mapping[str, Auction], mode: Mode, seed: int, progress: bool) -> pd.DataFrame:
    rows = []
    with bar(progress, "searching for lies", len(PRIORS) * len(auctions)) as advance:
        for (setting, prior), (name, auction) in itertools.product(PRIORS.items(), auctions.items()):
            advance(f"{setting}, {name}")
            found = guarantees(auction, prior, owners=OWNERS, profiles=mode.deviators, queries=mode.queries, seed=seed)
            rows.append({"setting": setting, "auction": name, **found})
    return pd.DataFrame(rows)


def _accuracy(
    names: list[str], market: MarketConfig, mode: Mode, seed: int, progress: bool, processes: int
) -> pd.DataFrame:
    jobs = list(itertools.product(POPULATIONS, names, WEIGHTS))
    seeds = range(mode.seeds * seed, mode.seeds * (seed + 1))
    markets = [
        dataclasses.replace(market, auction=name, aggregation=weights, rounds=mode.rounds, **POPULATIONS[setting])
        for setting, name, weights in jobs
    ]
    runs = Parallel(n_jobs=processes, return_as="generator")(delayed(_play)(each, seeds) for each in markets)
    tables = []
    with bar(progress, "playing markets", len(jobs)) as advance:
        for (setting, name, weights), rounds in zip(jobs, runs, strict=True):
            advance(f"{setting}, {name}, {weights}")
            curve = accuracy_by_round(rounds).reset_index()
            curve = curve.assign(setting=setting, auction=name, aggregation=weights, round=curve["round"] + 1)
            tables.append(curve[["setting", "auction", "aggregation", "round", "mean", "low", "high"]])
    return pd.concat(tables, ignore_index=True)


def _play(market: MarketConfig, seeds: range) -> pd.DataFrame:
    torch.set_num_threads(1)
    with _ignore_warnings():
        return stacked({seed: run_market(market, seed=seed).rounds for seed in seeds})


@contextmanager
def _ignore_warnings() -> Iterator[None]:
    """Silence the warning of owners out of the training's distribution: that is what is measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _levels(folder: Path, mode: Mode, seed: int, progress: bool) -> pd.DataFrame:
    rows = []
    for name, levels in itertools.product(TRAINED_BY_LEVELS, mode.levels):
        auction, steps = _trained(folder, name, levels, mode, seed, progress)
        rows += _guarantees_by_setting(auction, name, mode, seed, levels=levels, steps=steps)
    exact = load_auction(EXACT_AUCTION, OwnerPrior())
    types, budget = OwnerPrior().sample(1, OWNERS, torch.Generator().manual_seed(seed))
    assert isinstance(exact, MenuAuction)
    levels = len(set(exact.price_list(types.truthful_bids(), budget).privacy_loss.flatten().tolist())) - 1
    return pd.DataFrame(rows + _guarantees_by_setting(exact, EXACT_AUCTION, mode, seed, levels=levels, steps=None))


def _guarantees_by_setting(
    auction: Auction, name: str, mode: Mode, seed: int, **columns: int | None
) -> list[dict[str, Any]]:
    """Return the guarantees found in both settings, a row each, with these further columns."""
    search: dict[str, int] = {"owners": OWNERS, "profiles": mode.deviators, "queries": mode.queries, "seed": seed}
    return [
        {"setting": setting, "auction": name, **columns, **guarantees(auction, prior, **search)}
        for setting, prior in PRIORS.items()
    ]


def _trained(folder: Path, name: str, levels: int, mode: Mode, seed: int, progress: bool) -> tuple[Auction, int]:
    """An auction with so many levels, trained here on the IID prior, and for how many steps."""
    training = trainer(name)
    shortened = {key: value for key, value in (("steps", mode.steps), ("batch", mode.batch)) if value is not None}
    recipe = training.recipe(seed=seed, levels=levels, **shortened)
    path = folder / f"{name}-{levels}-levels.safetensors"
    with bar(progress, f"training {name}, M = {levels}", recipe.steps) as advance:
        training.make_checkpoint(path, OwnerPrior(), recipe, watch=lambda _: advance(""), measured=(100, 2, 4))
    return load_auction(path, OwnerPrior()), recipe.steps
