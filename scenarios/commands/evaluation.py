"""The command `market-sim evaluate`: mechanisms compared on the same profiles, setting by setting."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import auction_classes, load_auction
from agents.checks import one_of, whole
from agents.prior import BUDGETS, SIZES, OwnerPrior
from analysis.evaluation import (
    BENCHMARKS,
    FACTORS,
    EvaluationSettings,
    evaluation_jobs,
    evaluation_table,
    regret_profiles_for,
)
from analysis.frontier import SETTING, frontier
from analysis.published_values import published_points
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.evaluation_summary import tables_of
from scenarios.commands.threads import torch_threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER = "paper"
SIZE_NAMES: tuple[str, ...] = (PAPER, *(name for name in SIZES if name != "lognormal"))
"""Data sizes as the command line names them: the paper's are lognormal."""
BASELINE = "all-in"
PAPER_SETTING = {"sizes": PAPER, "budgets": "tied", "owners": 10}
"""The setting in which the published auctions were measured."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What `market-sim evaluate` compares, and how thoroughly.

    Parameters
    ----------
    sizes, budgets : tuple of str
        Names out of ``SIZE_NAMES`` and of ``agents.prior.BUDGETS``.
    owners : tuple of int
        Bidders per profile; all combinations of the three are evaluated.
    factors : tuple of str
        Budget factors, by the labels of ``analysis.evaluation.FACTORS``.
    profiles, seed : int
        Fresh profiles per budget factor, and what they are drawn with.
    first_best, second_best : bool
        Which benchmarks are searched for.
    regret_profiles, queries : int
        Profiles of ten owners on which lies are tried (``analysis.evaluation.regret_profiles_for`` of others), none for
        0, and lies per owner.
    """

    sizes: tuple[str, ...] = (PAPER,)
    budgets: tuple[str, ...] = ("tied",)
    owners: tuple[int, ...] = (10,)
    factors: tuple[str, ...] = tuple(FACTORS)
    profiles: int = 2000
    seed: int = 2022
    first_best: bool = True
    second_best: bool = False
    regret_profiles: int = 100
    queries: int = 300

    def __post_init__(self) -> None:
        for name in self.sizes:
            one_of("sizes", name, SIZE_NAMES)
        for name in self.budgets:
            one_of("budgets", name, BUDGETS)
        for name in self.factors:
            one_of("factor", name, FACTORS)
        for count in self.owners:
            whole("owners", count, minimum=1)
        whole("profiles", self.profiles, minimum=2)
        whole("regret_profiles", self.regret_profiles)
        whole("queries", self.queries, minimum=1)

    def settings(self) -> Iterator[dict[str, Any]]:
        """Every combination of sizes, budgets and owners, once."""
        product = itertools.product(*(dict.fromkeys(part) for part in (self.sizes, self.budgets, self.owners)))
        return (dict(zip(("sizes", "budgets", "owners"), values, strict=True)) for values in product)


def evaluate_auctions(
    names: Sequence[str],
    request: EvaluationRequest,
    *,
    out: Path | None = None,
    workers: Workers | None = None,
    progress: bool = False,
) -> Answer:
    """Compare auctions (names or checkpoint paths) with All-in, the benchmarks and the published figures.

    With ``out``, that directory holds ``evaluation.json``, ``.csv`` and ``.parquet`` (the same rows), and one picture
    of error bound against regret per setting, ``frontier.png`` and ``.svg`` of the first; an interrupted command goes
    on where it was. ``workers`` compute, by default a process per core.

    Raises
    ------
    ValueError, FileExistsError
        For unknown names or settings, or an ``out`` that holds something else.
    """
    if out is None:
        return _answer(*_evaluate_settings(names, request, None, workers, progress), names, request)
    played = {"command": "evaluate", "auctions": list(names), **vars(request)}
    with scenario_directory(out, _as_json(played)) as folder:
        table, notes = _evaluate_settings(names, request, unfinished(out), workers, progress)
        answer = _answer(table, notes, names, request)
        (folder / "evaluation.json").write_text(answer.json() + "\n", encoding="utf-8")
        table.to_csv(folder / "evaluation.csv", index=False)
        table.to_parquet(folder / "evaluation.parquet", index=False)
        files = ["evaluation.json", "evaluation.csv", "evaluation.parquet", *_pictures(table, request, folder)]
    return replace(answer, summary=(*answer.summary, f"Written to {out}: {', '.join(files)}"))


def every_auction() -> list[str]:
    """Names of all auctions but those planted for the checks."""
    return [name for name, rule in auction_classes().items() if not rule.planted]


def _evaluate_settings(
    names: Sequence[str], request: EvaluationRequest, kept: Path | None, workers: Workers | None, progress: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of all settings, and the warnings on the way."""
    with _collect_warnings() as notes, torch_threads(1), kept_in(kept) as directory:
        auctions: dict[str, Auction] = {
            name: load_auction(name, OwnerPrior()) for name in dict.fromkeys([*names, BASELINE])
        }
        parts = [
            (f"{_format_setting(setting)}, ", setting, _evaluation_settings(request, setting["owners"]))
            for setting in request.settings()
        ]
        jobs = [job for name, setting, each in parts for job in evaluation_jobs(name, auctions, _prior(setting), each)]
        played = {"auctions": list(names), "networks": _networks(auctions), **_as_json(vars(request))}
        found = run_campaign(jobs, directory, identity=played, workers=workers, title="Evaluating", progress=progress)
        tables = [evaluation_table(name, found, auctions, each).assign(**setting) for name, setting, each in parts]
    table = pd.concat(tables, ignore_index=True)
    return table[[*SETTING, *(name for name in table.columns if name not in SETTING)]], notes


def _evaluation_settings(request: EvaluationRequest, owners: int) -> EvaluationSettings:
    searched = request.regret_profiles and regret_profiles_for(owners, request.regret_profiles)
    return EvaluationSettings(
        owners=owners,
        profiles=request.profiles,
        seed=request.seed,
        factors={name: FACTORS[name] for name in request.factors},
        first_best=request.first_best,
        second_best=request.second_best,
        regret_profiles=min(request.profiles, searched),
        queries=request.queries,
    )


def _prior(setting: dict[str, Any]) -> OwnerPrior:
    sizes = "lognormal" if setting["sizes"] == PAPER else setting["sizes"]
    return OwnerPrior(sizes=sizes, budgets=setting["budgets"])


def _networks(auctions: Mapping[str, Auction]) -> dict[str, Any]:
    """Hashes of the checkpoints, so that what was begun with others is not gone on with."""
    return {name: getattr(getattr(auction, "card", None), "sha256", None) for name, auction in auctions.items()}


@contextmanager
def _collect_warnings() -> Iterator[list[str]]:
    """Collect warnings as notes, each once."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    notes += dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught)


def _pictures(table: pd.DataFrame, request: EvaluationRequest, folder: Path) -> list[str]:
    """Draw the frontier of every setting, all budget factors and the last alone; none where no regret was sought."""
    from analysis.plots.style import save

    if not request.regret_profiles:
        return []
    written = []
    for place, setting in enumerate(request.settings()):
        stem = "frontier" if place == 0 else f"frontier-{setting['sizes']}-{setting['budgets']}-{setting['owners']}"
        for name, figure in _frontier_pictures(table, setting).items():
            for ending in ("png", "svg"):
                save(figure, folder / f"{stem}{name}.{ending}", dpi=110)
                written.append(f"{stem}{name}.{ending}")
    return written


def _frontier_pictures(table: pd.DataFrame, setting: dict[str, Any]) -> dict[str, Figure]:
    """By what is added to their file's name: all budget factors, and the last of them, every mark with its name."""
    from analysis.plots.frontier import frontier_figure, frontier_panel

    rows = _rows(table, setting)
    points = frontier(rows)
    if points.empty:
        return {}
    benchmarks = rows[rows["auction"].isin(BENCHMARKS)]
    published = published_points("lognormal" if setting["sizes"] == PAPER else setting["sizes"], setting["owners"])
    factors = [factor for factor in FACTORS if factor in set(points["budget_factor"])]
    return {
        "": frontier_figure(points, benchmarks, published, factors=factors),
        "-panel": frontier_panel(points, benchmarks, published, factor=factors[-1], headline="ascending-menu"),
    }


def _rows(table: pd.DataFrame, setting: dict[str, Any]) -> pd.DataFrame:
    return table[(table[list(setting)] == pd.Series(setting)).all(axis=1)]


def _as_json(played: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in played.items()}


def _format_setting(setting: dict[str, Any]) -> str:
    return f"{setting['sizes']} sizes, {setting['budgets']} budgets, n = {setting['owners']}"


def _answer(table: pd.DataFrame, notes: list[str], names: Sequence[str], request: EvaluationRequest) -> Answer:
    summary: list[Any] = []
    for setting in request.settings():
        summary += tables_of(_rows(table, setting), _format_setting(setting), with_published=setting == PAPER_SETTING)
    how = [
        f"{request.profiles} profiles of truthful owners per budget factor f, seed {request.seed}; weights "
        "OptAggr; means of valid rounds; 95 % bootstrap intervals over profiles; ratios of means on the same profiles, "
        "those valid in both."
    ]
    if PAPER_SETTING in request.settings():
        how.append("Published rows: 300 to 1000 other profiles, the authors' released checkpoints.")
    if request.regret_profiles:
        how.append(
            f"Regret: the best of {request.queries} lies per owner, everybody else truthful; a better search finds "
            "more."
        )
    summary.append(" ".join(how))
    summary += [f"Note: {note}" for note in notes]
    records = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    figures = {**_as_json(vars(request)), "auctions": list(names), "notes": notes, "table": records}
    return Answer(figures=figures, summary=tuple(summary))
