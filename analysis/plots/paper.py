"""The paper's figures 7 to 10 from our mechanisms, with the values that it prints drawn in as hollow marks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from analysis.plots.style import INK, curve, label, panels, style_of, whiskers

WORDS = {"optimal": "OptAggr", "conventional": "ConvlAggr"}


def error_bound_figure(table: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Fig. 7: mean error bound of valid rounds against the budget, a panel per setting and way to weigh.

    Parameters
    ----------
    table : DataFrame
        Of ``analysis.paper_figures.bounds_by_budget``. Bands: 95 % bootstrap intervals.
    published : DataFrame
        Of ``analysis.published_values.error_bounds``.
    """
    settings, weights = _in_order(table["setting"]), _in_order(table["aggregation"])
    figure, axes = panels(len(settings), len(weights), width=4.6, height=3.4, sharex=True, sharey="row")
    for each, (setting, aggregation) in zip(axes, ((s, w) for s in settings for w in weights), strict=True):
        for auction, rows in _of(table, setting=setting, aggregation=aggregation).groupby("auction", sort=False):
            drawn = (rows["budget_factor"], rows["error_bound"], rows["low"], rows["high"])
            curve(each, *drawn, str(auction))
        for row in _of(published, setting=setting, aggregation=aggregation).to_dict("records"):
            _mark(each, row["budget_factor"], row["error_bound"], row["auction"])
        each.set_yscale("log")
        _plain_log(each)
        label(each, x="budget factor f", y="mean error bound of valid rounds", title=f"{setting}, {WORDS[aggregation]}")
    _legend(figure, table["auction"], published["auction"])
    return figure


def invalid_figure(table: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Fig. 8: how often nobody sells, against the budget, a panel per setting; 95 % Clopper-Pearson intervals."""
    settings = _in_order(table["setting"])
    figure, axes = panels(1, len(settings), width=4.6, height=3.4, sharey=True)
    one = table[table["aggregation"] == table["aggregation"].iloc[0]]
    for each, setting in zip(axes, settings, strict=True):
        for auction, rows in _of(one, setting=setting).groupby("auction", sort=False):
            rate, low, high = (100 * rows[name] for name in ("invalid_rate", "invalid_low", "invalid_high"))
            curve(each, rows["budget_factor"], rate, low, high, str(auction))
        for row in _of(published, setting=setting).to_dict("records"):
            _mark(each, row["budget_factor"], 100 * row["invalid_rate"], row["auction"])
        each.set_ylim(-3, 100)
        label(each, x="budget factor f", y="invalid rounds, %", title=setting)
    _legend(figure, table["auction"], published["auction"])
    return figure


def accuracy_figure(table: pd.DataFrame, published: pd.DataFrame, *, chance: float, task: str) -> Figure:
    """Fig. 9: test accuracy against rounds, mean and range over the seeds, a panel per setting and way to weigh.

    Parameters
    ----------
    table : DataFrame
        ``setting, auction, aggregation, round`` (from 1)``, mean, low, high``.
    published : DataFrame
        Of ``analysis.published_values.accuracies``, on NSL-KDD.
    chance : float
        Accuracy of guessing.
    task : str
        What was learned.
    """
    settings, weights = _in_order(table["setting"]), _in_order(table["aggregation"])
    figure, axes = panels(len(settings), len(weights), width=4.6, height=3.4, sharex=True, sharey=True)
    for each, (setting, aggregation) in zip(axes, ((s, w) for s in settings for w in weights), strict=True):
        for auction, rows in _of(table, setting=setting, aggregation=aggregation).groupby("auction", sort=False):
            every = max(1, len(rows) // 6)
            drawn = (rows["round"], rows["mean"], rows["low"], rows["high"])
            curve(each, *drawn, str(auction), markevery=every)
        for row in _of(published, setting=setting, aggregation=aggregation).to_dict("records"):
            _mark(each, row["round"], row["accuracy"], row["auction"])
        each.axhline(chance, color=INK, linewidth=1, linestyle=":")
        each.annotate("by chance", (table["round"].max(), chance - 0.06), color=INK, fontsize="small", ha="right")
        each.set_ylim(0, 1)
        label(each, x="rounds", y=f"test accuracy on {task}", title=f"{setting}, {WORDS[aggregation]}")
    _legend(figure, table["auction"], published["auction"])
    return figure


def guarantees_figure(table: pd.DataFrame, published: pd.DataFrame, *, published_name: str = "m-regretnet") -> Figure:
    """Fig. 10: regret and violation of individual rationality over cost, against the number of levels M.

    Parameters
    ----------
    table : DataFrame
        ``setting, auction, levels, regret, regret_low, regret_high, ir, ir_low, ir_high``.
    published : DataFrame
        Of ``analysis.published_values.guarantees_by_levels``.
    published_name : str
        Whose values these are.
    """
    settings = _in_order(table["setting"])
    figure, axes = panels(len(settings), 2, width=4.6, height=3.2, sharex=True)
    levels = sorted({*table["levels"], *published["levels"]})
    words = {"regret": "regret found (at least), over cost", "ir": "violation of IR, over cost"}
    for each, (setting, what) in zip(axes, ((s, w) for s in settings for w in words), strict=True):
        for auction, rows in _of(table, setting=setting).groupby("auction", sort=False):
            drawn = (rows["levels"], rows[what], rows[f"{what}_low"], rows[f"{what}_high"])
            whiskers(each, *drawn, str(auction), linestyle="-" if len(rows) > 1 else "none", linewidth=1)
        for row in _of(published, setting=setting).to_dict("records"):
            _mark(each, row["levels"], row[what], published_name)
        each.set_xscale("log", base=2)
        each.xaxis.set_major_locator(FixedLocator(levels))
        each.xaxis.set_minor_locator(NullLocator())
        each.xaxis.set_major_formatter(ScalarFormatter())
        # Regret spans two orders of magnitude, and 0 is on the axis.
        each.set_yscale("symlog", linthresh=0.01)
        each.yaxis.set_major_formatter("{x:g}")
        each.set_ylim(bottom=-0.002)
        label(each, x="privacy levels on sale, M", y=words[what], title=setting)
    _legend(figure, table["auction"], [published_name])
    return figure


def _in_order(column: pd.Series) -> list[str]:
    return list(dict.fromkeys(column))


def _of(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def _mark(axes: Axes, x: float, y: float, name: str) -> None:
    """A published value: hollow, in the colour of its mechanism."""
    axes.plot([x], [y], **style_of(name), markersize=9, markerfacecolor="none", linestyle="none", clip_on=False)


def _plain_log(axes: Axes) -> None:
    """Plain numbers on a logarithmic axis."""
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")


def _legend(figure: Figure, names: Iterable[str], published: Iterable[str]) -> None:
    """One legend below: what we measured, then what the paper prints."""
    handles = [Line2D([], [], **style_of(name), markersize=5) for name in dict.fromkeys(names)]
    labels = list(dict.fromkeys(names))
    for name in dict.fromkeys(published):
        handles.append(Line2D([], [], **style_of(name), markersize=9, markerfacecolor="none", linestyle="none"))
        labels.append(f"{name}, as published")
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize="small")
