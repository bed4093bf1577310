"""Figures of empirical games: what each lie brings against each population, and whether truth survives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from analysis.plots.style import INK, bare, colour_of, key, label, marker_of, panels

MAX_PATHS = 30
"""Paths drawn from random starts."""


def equilibrium_figure(matrix: pd.DataFrame, paths: pd.DataFrame, *, name: str) -> Figure:
    """What does each way of bidding bring, and what remains? Two panels about one mechanism.

    Parameters
    ----------
    matrix, paths : DataFrame
        Of ``analysis.equilibrium.Equilibrium``; the first strategy is the truth.
    name : str
        Of the mechanism.
    """
    figure, (left, right) = panels(1, 2, width=5.6, height=4.4)
    strategies = list(dict.fromkeys(matrix["strategy"]))
    gains = matrix.pivot(index="strategy", columns="against", values="gain").loc[strategies, strategies]
    heat_map(left, gains, colour="gain over the truth, per own cost")
    label(left, x="played by all others", y="played by one owner", title=f"{name}: what a lie brings")
    truth = paths[paths["strategy"] == strategies[0]]
    for start, path in truth.groupby("start"):
        if 0 < int(str(start)) <= MAX_PATHS:
            right.plot(path["step"], path["share"], color=colour_of(name), alpha=0.35, linewidth=1)
    middle = truth[truth["start"] == 0]
    right.plot(middle["step"], middle["share"], color=INK, linewidth=2, label="from all strategies alike")
    right.set_ylim(-0.02, 1.02)
    label(right, x="steps of the replicator dynamics", y="share of owners who tell the truth", title="Does it survive?")
    key(right)
    return figure


def study_figure(gains: pd.DataFrame, paths: Mapping[str, pd.DataFrame]) -> Figure:
    """Which lie pays in which auction, and where does truth survive? Two panels about several mechanisms.

    Parameters
    ----------
    gains : DataFrame
        ``auction, misreport, gain``: mean gain of one liar among truthful owners, over her cost of all she has.
    paths : mapping of str to DataFrame
        Paths of ``analysis.equilibrium.Equilibrium`` by auction.
    """
    auctions, misreports = (list(dict.fromkeys(gains[column])) for column in ("auction", "misreport"))
    figure = Figure(figsize=(12.5, 1.6 + 0.34 * max(len(auctions), 9)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    bare(left)
    bare(right)
    heat_map(
        left,
        gains.pivot(index="auction", columns="misreport", values="gain").loc[auctions, misreports],
        colour="mean gain",
    )
    label(left, x="lie, told by one owner", y="", title="What does a lie bring, per cost of all she has?")
    for name, table in paths.items():
        truth = table[(table["strategy"] == table["strategy"].iloc[0]) & (table["start"] == 0)]
        right.plot(
            truth["step"],
            truth["share"],
            color=colour_of(name),
            marker=marker_of(name),
            markersize=4,
            markevery=max(1, len(truth) // 8),
            linewidth=1.3,
            label=name,
        )
    right.set_ylim(-0.02, 1.02)
    label(
        right,
        x="steps of the replicator dynamics",
        y="share of owners who tell the truth",
        title="Does truth survive among liars?",
    )
    key(right, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def heat_map(axes: Axes, values: pd.DataFrame, *, colour: str) -> None:
    """Numbers as colours, blue below 0 and red above, each written into its field; unknown ones stay blank."""
    numbers = values.to_numpy(dtype=float)
    reach = float(np.nanmax(np.abs(numbers), initial=1e-12))
    image = axes.imshow(numbers, cmap="RdBu_r", norm=TwoSlopeNorm(0.0, -reach, reach), aspect="auto")
    axes.set_xticks(range(len(values.columns)), [str(name) for name in values.columns], rotation=40, ha="right")
    axes.set_yticks(range(len(values.index)), [str(name) for name in values.index])
    for (row, column), number in np.ndenumerate(numbers):
        written = "" if np.isnan(number) else "0" if number == 0 else f"{number:.2f}"
        ink = "white" if abs(number) > 0.6 * reach else INK
        axes.text(column, row, written, ha="center", va="center", fontsize=7, color=ink)
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, label=colour, shrink=0.8)
