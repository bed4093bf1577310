"""The quickstart's answer as a page to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text


def page(figures: Mapping[str, Any], out: Path) -> tuple[RenderableType, ...]:
    """Three questions and what privacy cost, then where the files are."""
    return (
        _heading("Did lying pay?"),
        *_lying(figures),
        _heading("What did the buyer get?"),
        *_buyer(figures),
        _heading("Were promises kept?"),
        *_promises(figures),
        _heading("What privacy was spent?"),
        *_privacy(figures),
        Text(f"\nTables and figure: {out}"),
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _lying(figures: Mapping[str, Any]) -> list[RenderableType]:
    rows = figures["lying"]
    if not rows:
        return [Text("Nobody lied.")]
    lies, paid = sum(row["lies"] for row in rows), sum(row["paid"] for row in rows)
    verdict = "No: not one" if paid == 0 else f"Yes: {paid:,}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("strategy", "lies", "paid", "gain per lie, money [95 %]", "of her cost, %"):
        table.add_column(column, justify="left" if column == "strategy" else "right", no_wrap=True)
    for row in rows:
        money = f"{row['gain']:.2f} [{row['gain_low']:.2f}, {row['gain_high']:.2f}]"
        share = f"{100 * row['relative']:.1f} [{100 * row['relative_low']:.1f}, {100 * row['relative_high']:.1f}]"
        table.add_row(row["strategy"], f"{row['lies']:,}", f"{row['paid']:,}", money, share)
    return [
        Text(f"{verdict} of {lies:,} lies earned more than the truth would have in the same round."),
        table,
        Text("Intervals: bootstrap over rounds. Cost: of all her records at her own privacy budget."),
    ]


def _buyer(figures: Mapping[str, Any]) -> list[RenderableType]:
    got, ideal = figures["buyer"], figures["without_noise"]
    seeds = len(got["accuracy_by_seed"])
    return [
        Text(
            f"Accuracy {got['accuracy']:.3f} (± {got['accuracy_spread']:.3f} over {seeds} seeds); "
            f"without noise {ideal['accuracy']:.3f}; by chance {figures['chance']:.3f}."
        ),
        Text(
            f"Error bound {got['error_bound']:.3f} on average; invalid rounds, in which nobody sold: "
            f"{100 * got['invalid_share']:.1f} %."
        ),
        Text(
            f"She spent {got['spent']:,.0f} of {got['budget']:,.0f} a round ({100 * got['spent_share']:.0f} %) "
            f"on {got['sellers']:.1f} of {got['bidders']:.0f} bidders."
        ),
    ]


def _promises(figures: Mapping[str, Any]) -> list[RenderableType]:
    broken = figures["violations"]
    return [
        Text(
            f"Truthful bidders who lost money: {broken['individual_rationality']:,}. "
            f"Rounds that cost more than the budget: {broken['budget']:,}."
        ),
        Text(
            f"Bidders of whom more was bought than their privacy budget: {broken['privacy_budget']:,}, "
            f"than their data: {broken['data_size']:,}."
        ),
    ]


def _privacy(figures: Mapping[str, Any]) -> list[RenderableType]:
    spent = figures["privacy"]
    return [
        Text(
            f"Privacy losses add up over the rounds: {spent['median']:.1f} for the median owner who sold, "
            f"{spent['largest']:.1f} at most (at most {spent['largest_in_a_round']:.1f} in one round)."
        ),
        Text(
            "A sum well above 10 promises little in theory: set lifetime_allowance to bound it."
            if spent["largest"] > 10
            else "Each owner's sum is a guarantee against whoever sees all her uploads."
        ),
    ]
