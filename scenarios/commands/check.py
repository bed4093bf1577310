"""The command `market-sim check`: is anything that an auction declares, or that every auction must keep, not so?"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pandas as pd
from rich import box
from rich.markup import escape
from rich.table import Table

from agents.broker.auctions.registry import load_auction
from agents.broker.checking.check import check_auction
from agents.broker.checking.results import CheckReport, verdict
from agents.prior import OwnerPrior
from scenarios.commands.answer import Answer
from scenarios.commands.progress import bar


def check(
    name: str,
    prior: OwnerPrior | None = None,
    *,
    profiles: int = 200,
    misreports: int = 200,
    seed: int = 0,
    progress: bool = False,
) -> tuple[Answer, bool]:
    """Check an auction; the answer, and whether nothing was refuted.

    Parameters
    ----------
    name : str
        A built-in auction, the path of a checkpoint, or ``module:Class``.
    prior : OwnerPrior, optional
    profiles, misreports, seed : int
        As for ``check_auction``.
    progress : bool
        Show how far it is.
    """
    auction = load_auction(name, prior)
    with ExitStack() as stack:
        advance = stack.enter_context(bar(progress, f"checking {auction.name}", 100))
        shown = 0

        def watch(told: str, done: float) -> None:
            nonlocal shown
            advance(told)
            for _ in range(shown + 1, int(100 * done)):
                advance(told)
            shown = max(shown + 1, int(100 * done))

        report = check_auction(auction, prior, profiles=profiles, misreports=misreports, seed=seed, watch=watch)
    return Answer(figures=_figures(report), summary=_summary(report)), report.ok


def _figures(report: CheckReport) -> dict[str, Any]:
    rows = [
        {**row, "holds": None if row["holds"] is None else bool(row["holds"]), "tried": int(row["tried"])}
        for row in report.table.to_dict(orient="records")
    ]
    return {
        "auction": report.auction,
        "ok": report.ok,
        "refuted": report.refuted,
        "not_tried": report.not_tried,
        "assumption": report.assumption,
        "checks": rows,
    }


def _summary(report: CheckReport) -> tuple[Any, ...]:
    notes = []
    for row in report.table.to_dict(orient="records"):
        notes += [f"{row['check']}: {row['where']}"] if row["where"] else []
        notes += [f"{row['check']}: would have been seen: {row['excludes']}"] if row["excludes"] else []
    end = f"{report.auction}: {'nothing refuted' if report.ok else 'REFUTED: ' + ', '.join(report.refuted)}"
    if report.assumption:
        notes.append(report.assumption)
    if report.not_tried:
        notes.append(f"Not tried, so that nothing is known: {', '.join(report.not_tried)}.")
    return (
        f"[bold]{escape(end)}[/bold]",
        checks_table(report.auction, report.table),
        *(escape(note) for note in notes),
    )


def checks_table(auction: str, checks: pd.DataFrame) -> Table:
    """The checks of an auction as a table to print."""
    table = Table(title=f"Checks of {escape(auction)}", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("check", "claim", "holds", "worst", "cases"):
        table.add_column(heading, justify="left" if heading in ("check", "claim") else "right")
    for row in checks.to_dict(orient="records"):
        worst = "" if row["worst"] != row["worst"] else f"{row['worst'] + 0.0:.3g}"
        table.add_row(row["check"], row["claim"], verdict(row["holds"]), worst, f"{row['tried']:,}")
    return table
