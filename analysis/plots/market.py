"""Figures of a run: did lying pay, and what did the buyer learn?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.plots.style import INK, MARKERS, PALETTE, bare
from analysis.summary import accuracy_by_round, cost_at_own_budget

MOST_POINTS = 600
"""Points drawn per strategy; the first of them in a fixed random order if there are more."""


def market_figure(rounds: pd.DataFrame, trades: pd.DataFrame, *, ceiling: pd.DataFrame, chance: float) -> Figure:
    """Did lying pay, and what did the buyer learn? Two panels.

    Left: every lie's utility against what the same owner would have got from the truth in the same round, both per
    cost of everything she has; above the diagonal lying paid. Right: test accuracy against rounds, mean and range
    over the seeds, between the same market without noise and chance.

    Parameters
    ----------
    rounds, trades : DataFrame
        Tables of the runs, with ``seed``.
    ceiling : DataFrame
        Rounds of the market without noise, with ``seed``.
    chance : float
        Accuracy of guessing.
    """
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _lies(left, trades)
    _learning(right, rounds, ceiling, chance)
    for axes in (left, right):
        bare(axes)
    return figure


def _lies(axes: Axes, trades: pd.DataFrame) -> None:
    lies = trades[trades["misreport_gain"].notna()]
    cost = cost_at_own_budget(lies)
    truth, lie = lies["truthful_utility"] / cost, lies["utility"] / cost
    for index, (strategy, rows) in enumerate(lies.groupby("strategy", sort=True).groups.items()):
        shown = np.random.default_rng(0).permutation(rows.to_numpy())[:MOST_POINTS]
        style: dict[str, Any] = {"color": PALETTE[index % 6], "marker": MARKERS[index % 6], "alpha": 0.55}
        axes.scatter(truth[shown], lie[shown], s=16, linewidths=0, label=str(strategy), **style)
    most = 1.05 * float(max(truth.max(), lie.max())) if len(lies) else 1.0
    least = min(float(lie.min()), 0.0) - 0.03 * most if len(lies) else 0.0
    axes.fill_between([least, most], [least, most], most, color=INK, alpha=0.06, linewidth=0)
    axes.plot([least, most], [least, most], color=INK, linewidth=1, linestyle="--")
    axes.set_xlim(least, most)
    axes.set_ylim(least, most)
    axes.set_xlabel("utility had she told the truth, per cost of all she has")
    axes.set_ylabel("utility of the lie, per cost of all she has")
    axes.set_title("Did lying pay?", loc="left")
    if len(lies):
        axes.legend(title="in the shaded half it would", frameon=False, fontsize="small", loc="upper left")


def _learning(axes: Axes, rounds: pd.DataFrame, ceiling: pd.DataFrame, chance: float) -> None:
    for frame, label, colour, style, edge, gap in (
        (ceiling, "without noise", PALETTE[2], "--", "high", 0.02),
        (rounds, "with the privacy bought", PALETTE[0], "-", "low", -0.06),
    ):
        curve = accuracy_by_round(frame)
        played = curve.index.to_numpy() + 1
        axes.fill_between(played, curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
        axes.plot(played, curve["mean"], color=colour, linestyle=style, label=label)
        # The label runs over the right half of the plot and has to clear the band there.
        right_half = curve[edge].iloc[len(curve) // 2 :]
        clear = right_half.max() if edge == "high" else right_half.min()
        axes.annotate(label, (played[-1], clear + gap), color=colour, ha="right")
    axes.axhline(chance, color=INK, linewidth=1, linestyle=":", label="chance")
    axes.annotate("by chance", (played[-1], chance + 0.02), color=INK, ha="right")
    axes.set_ylim(0, 1)
    axes.set_xlabel("rounds")
    axes.set_ylabel("test accuracy of the buyer's model")
    axes.set_title("What did the buyer get?", loc="left")
