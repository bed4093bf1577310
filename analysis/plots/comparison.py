"""Figures of several markets side by side, one colour and marker per market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.intervals import by_block
from analysis.plots.style import INK, KNOWN, MARKERS, PALETTE, curve, label, panels, style_of
from analysis.summary import accuracy_by_round


def market_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of every market of one report: its auction's if it is called so, else by its place."""
    if set(names) <= KNOWN.keys():
        return {name: style_of(name) for name in names}
    return {
        name: {"color": PALETTE[place % len(PALETTE)], "marker": MARKERS[place % len(MARKERS)]}
        for place, name in enumerate(names)
    }


def numbers_figure(numbers: pd.DataFrame) -> Figure:
    """Which market did better, in what? One panel per quantity, one mark with its 95 % interval per market.

    Parameters
    ----------
    numbers : DataFrame
        ``market, quantity, unit, mean, low, high``; rows without a mean are left out.
    """
    known = numbers[numbers["mean"].notna()]
    quantities = list(dict.fromkeys(known["quantity"]))
    names = list(dict.fromkeys(numbers["market"]))
    styles = market_styles(names)
    rows = max(1, -(-len(quantities) // 2))
    figure, axes = panels(rows, 2, width=5.0, height=0.9 + 0.3 * len(names), sharey=True)
    for each, quantity in zip(axes, quantities, strict=False):
        here = known[known["quantity"] == quantity]
        for row in here.to_dict(orient="records"):
            ends = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
            reach = np.maximum(ends, 0.0) if np.isfinite(ends).all() else None
            each.errorbar(row["mean"], names.index(row["market"]), xerr=reach, capsize=2, **styles[row["market"]])
        each.set_yticks(range(len(names)), names)
        each.set_ylim(len(names) - 0.5, -0.5)
        each.locator_params(axis="x", nbins=5)
        label(each, x=str(here["unit"].iloc[0]), y="market", title=quantity)
    for each in axes[len(quantities) :]:
        each.set_visible(False)
    return figure


def overlay_figure(rounds: Mapping[str, pd.DataFrame], trades: Mapping[str, pd.DataFrame]) -> Figure:
    """How did the markets develop? Test accuracy, error bound and gain per lie against rounds, overlaid.

    Parameters
    ----------
    rounds, trades : mapping of str to DataFrame
        Tables by market, with ``seed``. Accuracy: mean and range over the seeds; the others: means over blocks of
        rounds with 95 % intervals.
    """
    figure, (learning, bound, gain) = panels(1, 3, width=3.6, height=3.6)
    for name, style in market_styles(list(rounds)).items():
        course = accuracy_by_round(rounds[name])
        played = course.index.to_numpy() + 1
        spacing = max(1, len(played) // 8)
        accuracy = (course["mean"], course["low"], course["high"])
        curve(learning, played, *accuracy, name, markevery=spacing, **style)
        for axes, frame, column in ((bound, rounds[name], "error_bound"), (gain, trades[name], "misreport_gain")):
            blocks = by_block(frame, column)
            curve(axes, blocks["round"], blocks["mean"], blocks["low"], blocks["high"], name, **style)
    gain.axhline(0, color=INK, linewidth=1, linestyle="--")
    learning.set_ylim(0, 1)
    bound.set_yscale("log")
    label(learning, x="rounds", y="test accuracy", title="Who learned more?")
    label(bound, x="round", y="mean error bound of valid rounds", title="Whose gradients were better?")
    label(gain, x="round", y="mean gain per lie, money", title="Where did lying pay?")
    figure.legend(*learning.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure
