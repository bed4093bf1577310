"""The tables that `market-sim evaluate` prints: error bounds, what was spent and broken, and the regret found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from analysis.published_values import MEASURED_ERROR_BOUND, MEASURED_INVALID_RATE

MIN_INVALID_SHOWN = 5e-4
"""Share of invalid rounds from which on it is printed beside the mean."""


def tables_of(table: pd.DataFrame, setting: str, *, with_published: bool) -> list[RenderableType]:
    """Error bounds by budget factor; everything else of the last one; regret there if it was looked for.

    Parameters
    ----------
    table : DataFrame
        Of ``analysis.evaluation.evaluate``.
    setting : str
        In words.
    with_published : bool
        Whether the published figures are of this setting.
    """
    last = str(table["budget_factor"].iloc[-1])
    rows = table[table["budget_factor"] == last]
    at = f"At f ~ {last}" if "[" in last else f"At f = {last}"
    parts: list[RenderableType] = [
        Text(f"{verdict(rows, at)}", style="bold"),
        f"Mean error bound, and rate of invalid rounds, by budget factor f ({setting})",
        _bounds(table, with_published=with_published),
        f"{at} ({setting})",
        _overall(rows),
    ]
    if "regret" in rows and rows["regret"].notna().any():
        parts += [f"Regret found, at least ({at[0].lower()}{at[1:]}, {setting})", _regrets(rows)]
    return parts + heavy_tails(table)


def verdict(rows: pd.DataFrame, at: str) -> str:
    """Which auction bought best, and in which a lie was found that pays; ``rows`` of one budget factor."""
    auctions = rows[rows["spent"].notna() & rows["mean"].notna()]
    if not len(auctions):
        return f"{at} nobody sold."
    best = auctions.loc[auctions["mean"].idxmin()]
    said = f"{at} the lowest mean error bound is {_short(best['mean'])}, of {best['auction']}"
    if "regret" not in rows or not auctions["regret"].notna().any():
        return f"{said}."
    tried = auctions[auctions["regret"].notna()]
    exact = list(tried.loc[tried["regret"] == 0, "auction"])
    worst = tried.loc[tried["regret"].idxmax()]
    most = f"the most regret in {worst['auction']}, {worst['regret']:.3g} of the cost of the truthful sale"
    if not worst["regret"] > 0:
        return f"{said}; no lie was found that pays."
    none = f", and none in {', '.join(exact)}" if exact else ""
    return f"{said}; found was {most}{none}."


def heavy_tails(table: pd.DataFrame) -> list[str]:
    """Say of which mechanisms, and at which budget factors, no interval of the mean can be trusted."""
    sentences = []
    for column, what in (("heavy_tail", "error bounds"), ("regret_heavy_tail", "gains")):
        rows = table[table[column].eq(1)] if column in table else table.head(0)
        factors = rows.groupby("auction", sort=False)["budget_factor"].agg(", ".join)
        names = "; ".join(f"{name} (f = {found})" for name, found in factors.items())
        if names:
            sentences.append(f"Tail of the {what} too heavy for the interval, the mean may be higher: {names}.")
    return sentences


def _table(headings: Sequence[str]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, heading in enumerate(headings):
        shown.add_column(heading, justify="right" if place else "left", no_wrap=True)
    return shown


def _bounds(table: pd.DataFrame, *, with_published: bool) -> Table:
    labels = list(dict.fromkeys(table["budget_factor"]))
    shown = _table(["mechanism", *labels])
    for name, rows in table.groupby("auction", sort=False):
        by_factor = rows.set_index("budget_factor")
        shown.add_row(str(name), *(_with_interval(by_factor.loc[label]) for label in labels))
    if with_published:
        for name, row in MEASURED_ERROR_BOUND.items():
            invalid = MEASURED_INVALID_RATE.get(name, 0.0)
            cells = (_short(row[label]) + _format_invalid(invalid) if label in row else "" for label in labels)
            shown.add_row(name, *cells, style="dim")
    return shown


def _with_interval(row: pd.Series) -> str:
    known = math.isfinite(row["low"]) and math.isfinite(row["high"])
    half = " ±" + _short((row["high"] - row["low"]) / 2).removeprefix("0") if known else ""
    return f"{_short(row['mean'])}{half}{_format_invalid(row['invalid_rate'])}"


def _format_invalid(invalid: float) -> str:
    return "" if invalid < MIN_INVALID_SHOWN else f" ({invalid:.0%})" if invalid >= 0.01 else f" ({invalid:.1%})"


def _short(value: float) -> str:
    """Two digits after the point, fewer of large numbers."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _overall(rows: pd.DataFrame) -> Table:
    headings = ["mechanism", "/ first best", "/ All-in", "median", "invalid", "spent", "IR, budget broken"]
    shown = _table(headings)
    for row in rows.to_dict(orient="records"):
        is_auction = not pd.isna(row.get("spent"))
        shown.add_row(
            str(row["auction"]),
            _interval(row, "over_first_best"),
            _interval(row, "over_all_in"),
            f"{row['median']:.2f}",
            f"{row['invalid_rate']:.2%}",
            f"{row['spent']:.1%}" if is_auction else "",
            f"{_violations(row, 'ir')}, {_violations(row, 'budget')}" if is_auction else "",
        )
    return shown


def _violations(row: dict[Any, Any], kind: str) -> str:
    count, rate = row[f"{kind}_violations"], row[f"{kind}_violation_rate"]
    return f"{count:.0f} ({rate:.2%})" if count else "0"


def _regrets(rows: pd.DataFrame) -> Table:
    headings = ["mechanism", "gain / cost of truth", "gains / payments", "gain / own cost", "gain > 1 %", "worst", "of"]
    shown = _table(headings)
    for row in rows.to_dict(orient="records"):
        if not pd.isna(row.get("regret_profiles")):
            shown.add_row(
                str(row["auction"]),
                _interval(row, "regret"),
                _interval(row, "gain_per_payment"),
                _interval(row, "gain_per_own_cost"),
                "{gaining_rate:.1%} [{gaining_rate_low:.1%}, {gaining_rate_high:.1%}]".format(**row),
                f"{row['worst_gain']:.3g}",
                f"{row['regret_profiles']:.0f} profiles",
            )
    return shown


def _interval(row: dict[Any, Any], key: str) -> str:
    if row.get(key) is None or pd.isna(row[key]):
        return ""
    if row[key] == row[key + "_low"] == row[key + "_high"]:
        return f"{row[key]:.3g}"
    low, high = row[key + "_low"], row[key + "_high"]
    middle = f"{row[key]:.3f}" if row[key] < 10 else _short(row[key])
    return f"{middle} [{_short(low)}, {_short(high)}]" if math.isfinite(low) and math.isfinite(high) else middle
