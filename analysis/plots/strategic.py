"""Figures of strategic owners: how reports move over time, and what a way of bidding is worth in several markets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.style import INK, curve, key, label, panels, whiskers


def trajectories_figure(
    by_panel: Mapping[str, Mapping[str, pd.DataFrame]],
    *,
    y: str,
    reference: float,
    said: str,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """How does something move from round to round? One panel per market, one line with its band per name.

    Parameters
    ----------
    by_panel : mapping of str to mapping of str to DataFrame
        By title of the panel and name of the line: ``round, mean, low, high``.
    y : str
        What is drawn.
    reference : float
        Where a dotted line goes, and ``said`` what it means.
    limits : pair of float, optional
        Ends of the vertical axis; by default a little beyond all means.
    """
    figure, axes = panels(1, len(by_panel), sharey=True)
    for number, (each, (title, lines)) in enumerate(zip(axes, by_panel.items(), strict=True)):
        each.axhline(reference, color=INK, linewidth=1, linestyle=":", label=said)
        for name, table in lines.items():
            curve(each, table["round"], table["mean"], table["low"], table["high"], name, markersize=3)
        label(each, x="round", y=y if number == 0 else "", title=title)
    # A band of few seeds may be far wider than all means are apart.
    means = np.concatenate([table["mean"] for lines in by_panel.values() for table in lines.values()] or [[reference]])
    minimum, maximum = min(means.min(), reference), max(means.max(), reference)
    margin = 0.35 * max(maximum - minimum, 0.05)
    axes[0].set_ylim(*(limits or (minimum - margin, maximum + margin)))
    key(axes[-1], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def worth_figure(
    by_panel: Mapping[str, pd.DataFrame], *, x: str, y: str | Sequence[str], reference: float = 0.0
) -> Figure:
    """What is a way of bidding worth? One panel per quantity, one mark with its interval per name and setting.

    Parameters
    ----------
    by_panel : mapping of str to DataFrame
        By title of the panel: ``name, setting, mean, low, high``; settings in the order in which they come.
    x : str
        What the settings are.
    y : str or one per panel
        What is drawn.
    reference : float
        Where a dotted line goes.
    """
    figure, axes = panels(1, len(by_panel))
    said = [y] * len(by_panel) if isinstance(y, str) else list(y)
    for each, (title, table), what in zip(axes, by_panel.items(), said, strict=True):
        each.axhline(reference, color=INK, linewidth=1, linestyle=":")
        settings = list(dict.fromkeys(table["setting"]))
        names = list(dict.fromkeys(table["name"]))
        for index, name in enumerate(names):
            rows = table[table["name"] == name]
            beside = 0.5 * ((index + 0.5) / len(names) - 0.5)
            place = [settings.index(setting) + beside for setting in rows["setting"]]
            whiskers(each, place, rows["mean"], rows["low"], rows["high"], str(name))
        each.set_xticks(range(len(settings)), [str(setting) for setting in settings])
        label(each, x=x, y=what, title=title)
    key(axes[-1], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def drawn(rows: Sequence[Mapping[str, Any]], name: str, setting: str, quantity: str) -> pd.DataFrame:
    """The table that ``worth_figure`` draws, from rows whose ``quantity`` is an interval."""
    return pd.DataFrame(
        [
            {
                "name": row[name],
                "setting": row[setting],
                "mean": row[quantity].mean,
                "low": row[quantity].low,
                "high": row[quantity].high,
            }
            for row in rows
        ],
        columns=["name", "setting", "mean", "low", "high"],
    )


def buyers_figure(
    lines: Mapping[str, Mapping[str, pd.DataFrame]], styles: Mapping[str, Mapping[str, Any]], worth: pd.DataFrame
) -> Figure:
    """How does a market of several buyers go, and what is lying worth over its owners' lifetimes?

    Parameters
    ----------
    lines : mapping of str to mapping of str to DataFrame
        By quantity, drawn in a panel each, and market: ``round, mean, low, high``.
    styles : mapping of str to mapping
        Colour and line style by market.
    worth : DataFrame
        ``name, setting, mean, low, high``: the last panel, a mark per way of lying and market.
    """
    figure, axes = panels(1, len(lines) + 1)
    for each, (quantity, by_market) in zip(axes, lines.items(), strict=False):
        for name, table in by_market.items():
            curve(each, table["round"], table["mean"], table["low"], table["high"], name, marker="", **styles[name])
        each.set_ylim(bottom=0)
        label(each, x="round", y=quantity)
    key(axes[0])
    last = axes[-1]
    last.axhline(0.0, color=INK, linewidth=1, linestyle=":")
    settings, names = (list(dict.fromkeys(worth[column])) for column in ("setting", "name"))
    for index, name in enumerate(names):
        rows = worth[worth["name"] == name]
        place = [settings.index(setting) + 0.2 * index - 0.1 for setting in rows["setting"]]
        whiskers(last, place, rows["mean"], rows["low"], rows["high"], str(name))
    last.set_xticks(range(len(settings)), [str(setting).replace(", ", ",\n") for setting in settings], fontsize="small")
    label(last, x="market", y="gain over a lifetime, per utility of the truth", title="Does lying pay in the long run?")
    key(last, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
