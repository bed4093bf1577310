"""What happened in a market, for the console: of the quickstart, and of any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from analysis.summary import tails_too_heavy


def market_summary(figures: Mapping[str, Any], out: Path, *, report: Path | None = None) -> tuple[RenderableType, ...]:
    """Three questions and what privacy cost, then where the files are."""
    return (
        _heading("Did lying pay?"),
        *_lying(figures),
        _heading("What did the buyer get?"),
        *_buyer(figures),
        _heading("Were promises kept?"),
        *_violations(figures),
        _heading("What privacy was spent?"),
        *_privacy(figures),
        Text(f"\nTables{' and figure' if 'without_noise' in figures else ''}: {out}"),
        *([Text(f"Report: {report}")] if report is not None else []),
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _lying(figures: Mapping[str, Any]) -> list[RenderableType]:
    rows = figures["lying"]
    if not rows:
        return [Text("Nobody lied.")]
    misreports, paid = sum(row["misreports"] for row in rows), sum(row["paid"] for row in rows)
    verdict = "No: not one" if paid == 0 else f"Yes: {paid:,}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("strategy", "lies", "paid", "gain per lie [95 %]", "% of cost"):
        table.add_column(column, justify="left" if column == "strategy" else "right", no_wrap=True)
    for row in rows:
        money = _interval(row["gain"], row["gain_low"], row["gain_high"], digits=1 if abs(row["gain"]) >= 1 else 2)
        share = _interval(*(100 * row[name] for name in ("relative", "relative_low", "relative_high")), digits=0)
        table.add_row(row["strategy"], f"{row['misreports']:,}", f"{row['paid']:,}", money, share)
    return [
        Text(f"{verdict} of {misreports:,} lies earned more than the truth would have in the same round."),
        table,
        Text("Cost: of all her records at her own privacy budget. Intervals: bootstrap of rounds."),
        *([Text(warning)] if (warning := tails_too_heavy(rows)) else []),
    ]


def _buyer(figures: Mapping[str, Any]) -> list[RenderableType]:
    got, seeds = figures["buyer"], len(figures["buyer"]["accuracy_by_seed"])
    spread = f" (± {got['accuracy_spread']:.3f} over {seeds} seeds)" if seeds > 1 else ""
    ideal = f"without noise {figures['without_noise']['accuracy']:.3f}; " if "without_noise" in figures else ""
    return [
        Text(f"Accuracy {got['accuracy']:.3f}{spread}; {ideal}by chance {figures['chance']:.3f}."),
        Text(
            f"Error bound {got['error_bound']:.3f} on average (clipping norm {figures['clip_norm']:g}); "
            f"rounds in which nobody sold: {100 * got['invalid_share']:.1f} %."
        ),
        Text(
            f"She spent {got['spent']:,.0f} of {got['budget']:,.0f} a round ({100 * got['spent_share']:.0f} %) "
            f"on {got['sellers']:.1f} of {got['bidders']:.0f} bidders."
        ),
    ]


def _violations(figures: Mapping[str, Any]) -> list[RenderableType]:
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
    if not spent.get("noise", True):
        return [Text("All of it: uploads carried no noise, whatever privacy loss was sold.")]
    return [
        Text(
            f"Privacy losses add up over the rounds: {spent['median']:.1f} for the median owner who sold, "
            f"{spent['largest']:.1f} at most (at most {spent['largest_in_a_round']:.1f} in one round)."
        ),
        Text(
            "Sums this large promise nearly nothing to an owner against whoever keeps all her uploads; "
            "lifetime_allowance bounds them."
            if spent["largest"] > 5
            else "Each sum is a guarantee against whoever keeps all of an owner's uploads."
        ),
    ]


def _interval(mean: float, low: float, high: float, *, digits: int) -> str:
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
