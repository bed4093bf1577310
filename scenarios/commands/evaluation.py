"""The page of `market-sim evaluate`: mechanisms compared on the same profiles, setting by setting."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import auction_classes, load_auction
from agents.checks import one_of, whole
from agents.prior import BUDGETS, SIZES, OwnerPrior
from analysis.evaluate import BENCHMARKS, FACTORS, evaluate, pieces, regret_profiles_for
from analysis.frontier import SETTING, frontier
from analysis.published_values import published_points
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory
from scenarios.commands.evaluation_summary import tables_of
from scenarios.commands.progress import bar
from scenarios.commands.threads import torch_threads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER = "paper"
SIZES_SAID: tuple[str, ...] = (PAPER, *(name for name in SIZES if name != "lognormal"))
"""Data sizes as the command line names them: the paper's are lognormal."""
UNIT_PRIVACY_RANGE = "all-in"
PAPERS = {"sizes": PAPER, "budgets": "tied", "owners": 10}
"""The setting in which the published auctions were measured."""


@dataclass(frozen=True)
class Questions:
    """What `market-sim evaluate` is asked.

    Parameters
    ----------
    sizes, budgets : tuple of str
        Names out of ``SIZES_SAID`` and of ``agents.prior.BUDGETS``.
    owners : tuple of int
        Bidders per profile; all combinations of the three are evaluated.
    factors : tuple of str
        Budget factors, by the labels of ``analysis.evaluate.FACTORS``.
    profiles, seed : int
        Fresh profiles per budget factor, and what they are drawn with.
    first_best, second_best : bool
        Which yardsticks are searched for.
    regret_profiles, queries : int
        Profiles of ten owners on which lies are tried (``analysis.evaluate.regret_profiles_for`` of others), none for
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
            one_of("sizes", name, SIZES_SAID)
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
        return (dict(zip(("sizes", "budgets", "owners"), some, strict=True)) for some in product)


def evaluate_auctions(
    names: Sequence[str], questions: Questions, *, out: Path | None = None, progress: bool = False
) -> Answer:
    """Compare auctions (names or checkpoint paths) with All-in, the yardsticks and the published figures.

    With ``out``, that directory holds ``evaluation.json``, ``.csv`` and ``.parquet`` (the same rows), and one picture
    of error bound against regret per setting, ``frontier.png`` and ``.svg`` of the first.

    Raises
    ------
    ValueError, FileExistsError
        For unknown names or settings, or an ``out`` that holds something else.
    """
    if out is None:
        return _answer(*_evaluated(names, questions, progress), names, questions)
    played = {"command": "evaluate", "auctions": list(names), **vars(questions)}
    with scenario_directory(out, _as_json(played)) as folder:
        table, notes = _evaluated(names, questions, progress)
        answer = _answer(table, notes, names, questions)
        (folder / "evaluation.json").write_text(answer.json() + "\n", encoding="utf-8")
        table.to_csv(folder / "evaluation.csv", index=False)
        table.to_parquet(folder / "evaluation.parquet", index=False)
        files = ["evaluation.json", "evaluation.csv", "evaluation.parquet", *_pictures(table, questions, folder)]
    return replace(answer, page=(*answer.page, f"Written to {out}: {', '.join(files)}"))


def every_auction() -> list[str]:
    """Names of all auctions but those planted for the checks."""
    return [name for name, rule in auction_classes().items() if not rule.planted]


def _evaluated(names: Sequence[str], questions: Questions, progress: bool) -> tuple[pd.DataFrame, list[str]]:
    """All rows of all settings, and what was warned of on the way."""
    settings = list(questions.settings())
    tables = []
    with _noted() as notes, torch_threads(1):
        auctions: dict[str, Auction] = {
            name: load_auction(name, OwnerPrior()) for name in dict.fromkeys([*names, UNIT_PRIVACY_RANGE])
        }
        factors = {name: FACTORS[name] for name in questions.factors}
        per_setting = pieces(
            len(auctions),
            with_first_best=questions.first_best,
            with_second_best=questions.second_best,
            factors=len(factors),
        )
        with bar(progress, "evaluating", per_setting * len(settings)) as advance:
            for setting in settings:
                sizes = "lognormal" if setting["sizes"] == PAPER else setting["sizes"]
                made = evaluate(
                    auctions,
                    OwnerPrior(sizes=sizes, budgets=setting["budgets"]),
                    owners=setting["owners"],
                    profiles=questions.profiles,
                    seed=questions.seed,
                    factors=factors,
                    with_first_best=questions.first_best,
                    with_second_best=questions.second_best,
                    regret_profiles=_regret_profiles(questions, setting["owners"]),
                    queries=questions.queries,
                    watch=lambda state, setting=setting: advance(f"{_said(setting)}, {state}"),  # type: ignore[misc]
                )
                tables.append(made.assign(**setting))
    table = pd.concat(tables, ignore_index=True)
    return table[[*SETTING, *(name for name in table.columns if name not in SETTING)]], notes


def _regret_profiles(questions: Questions, owners: int) -> int:
    if not questions.regret_profiles:
        return 0
    return min(questions.profiles, regret_profiles_for(owners, questions.regret_profiles))


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Collect warnings as notes, each once."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    notes += dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught)


def _pictures(table: pd.DataFrame, questions: Questions, folder: Path) -> list[str]:
    """Draw the frontier of every setting; none where no regret was looked for."""
    if not questions.regret_profiles:
        return []
    written = []
    for place, setting in enumerate(questions.settings()):
        figure = _frontier_picture(table, setting)
        if figure is None:
            continue
        stem = "frontier" if place == 0 else f"frontier-{setting['sizes']}-{setting['budgets']}-{setting['owners']}"
        for ending in ("png", "svg"):
            figure.savefig(folder / f"{stem}.{ending}", dpi=110)
            written.append(f"{stem}.{ending}")
    return written


def _frontier_picture(table: pd.DataFrame, setting: dict[str, Any]) -> Figure | None:
    from analysis.plots.frontier import frontier_figure

    rows = _rows(table, setting)
    points = frontier(rows)
    if points.empty:
        return None
    return frontier_figure(
        points,
        rows[rows["auction"].isin(BENCHMARKS)],
        published_points("lognormal" if setting["sizes"] == PAPER else setting["sizes"], setting["owners"]),
        factors=[factor for factor in FACTORS if factor in set(points["budget_factor"])],
    )


def _rows(table: pd.DataFrame, setting: dict[str, Any]) -> pd.DataFrame:
    return table[(table[list(setting)] == pd.Series(setting)).all(axis=1)]


def _as_json(played: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in played.items()}


def _said(setting: dict[str, Any]) -> str:
    return f"{setting['sizes']} sizes, {setting['budgets']} budgets, n = {setting['owners']}"


def _answer(table: pd.DataFrame, notes: list[str], names: Sequence[str], questions: Questions) -> Answer:
    page: list[Any] = []
    for setting in questions.settings():
        page += tables_of(_rows(table, setting), _said(setting), beside_published=setting == PAPERS)
    how = [
        f"{questions.profiles} profiles of truthful owners per budget factor f, seed {questions.seed}; weights "
        "OptAggr; means of valid rounds; 95 % bootstrap intervals over profiles; ratios of means on the same profiles, "
        "those valid in both."
    ]
    if PAPERS in questions.settings():
        how.append("Published rows: 300 to 1000 other profiles, the authors' released checkpoints.")
    if questions.regret_profiles:
        how.append(
            f"Regret: the best of {questions.queries} lies per owner, everybody else truthful; a better search finds "
            "more."
        )
    page.append(" ".join(how))
    page += [f"Note: {note}" for note in notes]
    records = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    figures = {**_as_json(vars(questions)), "auctions": list(names), "notes": notes, "table": records}
    return Answer(figures=figures, page=tuple(page))
