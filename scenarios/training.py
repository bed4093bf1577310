"""The pages of `market-sim train` and `market-sim evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.broker.training.registry import trainer
from agents.prior import OwnerPrior
from analysis.evaluate import FACTORS, evaluate
from analysis.published import PUBLISHED_ERROR_BOUND
from scenarios.answer import Answer
from scenarios.threads import torch_threads


def train_auction(name: str, out: Path, *, seed: int, steps: int | None, progress: bool) -> Answer:
    """Train the auction ``name`` from the paper's prior and write its checkpoint and card.

    Raises
    ------
    ValueError
        If nothing can train it, or ``out`` exists already.
    """
    training = trainer(name)
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out}: name a file that ends in .safetensors")
    if out.exists() or out.with_suffix(".json").exists():
        raise ValueError(f"--out {out} exists already: name another file or remove it and its card")
    recipe = training.Recipe(seed=seed) if steps is None else training.Recipe(seed=seed, steps=steps)
    with torch_threads(1), _bar(progress, f"training {name}", recipe.steps) as advance:
        card = training.make_checkpoint(
            out,
            OwnerPrior(),
            recipe,
            watch=lambda step: advance(f"loss {step.loss:.3f}, error bound {step.error_bound:.3f}"),
        )
    table = Table("", "", box=box.SIMPLE_HEAD, show_header=False)
    figures = {"checkpoint": str(out), "sha256": card.sha256, **card.figures}
    for key, value in figures.items():
        table.add_row(key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    return Answer(figures=figures, page=(table, f"Use it: load_auction({str(out)!r})"))


def evaluate_auctions(
    names: list[str], *, owners: int, profiles: int, seed: int, with_first_best: bool, progress: bool
) -> Answer:
    """Compare auctions (names or checkpoint paths) with All-in, the first best and the published figures."""
    prior = OwnerPrior()
    auctions: dict[str, Auction] = {name: load_auction(name, prior) for name in dict.fromkeys([*names, "all-in"])}
    pieces = len(FACTORS) * (2 if with_first_best else 1)
    with torch_threads(2), _bar(progress, "evaluating", pieces) as advance:
        table = evaluate(
            auctions,
            prior,
            owners=owners,
            profiles=profiles,
            seed=seed,
            with_first_best=with_first_best,
            watch=advance,
        )
    caption = (
        f"{profiles} profiles of {owners} truthful owners of the paper's prior per budget factor f, seed {seed}; "
        "weights OptAggr; 95 % bootstrap intervals over profiles; ratios of means on the same profiles. "
        "Published rows: 500 to 1000 other profiles, the authors' released checkpoints."
    )
    records = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    figures = {"owners": owners, "profiles": profiles, "seed": seed, "table": records}
    return Answer(figures=figures, page=(_wide(table), _ratios(table), caption))


def _wide(table: pd.DataFrame) -> Table:
    page = Table(title="Mean error bound by budget factor f", box=box.SIMPLE_HEAD, pad_edge=False)
    page.add_column("mechanism", no_wrap=True)
    labels = list(dict.fromkeys(table["budget_factor"]))
    for label in labels:
        page.add_column(label, justify="right", no_wrap=True)
    for name, rows in table.groupby("auction", sort=False):
        by_factor = rows.set_index("budget_factor")
        page.add_row(str(name), *(_with_interval(by_factor.loc[label]) for label in labels))
    for name, row in PUBLISHED_ERROR_BOUND.items():
        page.add_row(name, *(f"{row[label]:.2f}" if label in row else "" for label in labels), style="dim")
    return page


def _with_interval(row: pd.Series) -> str:
    half = (row["high"] - row["low"]) / 2
    return f"{row['mean']:.2f} ±{half:.2f}"


def _ratios(table: pd.DataFrame) -> Table:
    last = table[table["budget_factor"] == list(FACTORS)[-1]]
    page = Table(title=f"Over all budgets, f ~ {list(FACTORS)[-1]}", box=box.SIMPLE_HEAD, pad_edge=False)
    headings = ("mechanism", "/ first best", "/ All-in", "median", "invalid", "spent", "IR, budget broken")
    for heading in headings:
        page.add_column(heading, justify="left" if heading == "mechanism" else "right", no_wrap=True)
    for row in last.to_dict(orient="records"):
        is_auction = not pd.isna(row.get("spent"))
        page.add_row(
            row["auction"],
            _ratio(row, "over_first_best"),
            _ratio(row, "over_all_in"),
            f"{row['median']:.2f}",
            f"{row['invalid_rate']:.2%}",
            f"{row['spent']:.1%}" if is_auction else "",
            f"{row['ir_violations']:.0f}, {row['budget_violations']:.0f}" if is_auction else "",
        )
    return page


def _ratio(row: dict[Any, Any], key: str) -> str:
    if row.get(key) is None or pd.isna(row[key]):
        return ""
    return f"{row[key]:.3f} [{row[key + '_low']:.2f}, {row[key + '_high']:.2f}]"


@contextmanager
def _bar(shown: bool, title: str, total: int) -> Iterator[Callable[[str], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task(title, total=total, state="")
        yield lambda state: bar.update(task, advance=1, state=state)
