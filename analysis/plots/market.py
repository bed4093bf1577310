"""Figures of a market: did lying pay, and what did the buyer learn?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.plots.style import INK, PALETTE, band, colour_of, label, marker_of, panels
from analysis.summary import accuracy_by_round, cost_at_own_budget

MAX_POINTS = 600
"""Points drawn per strategy; the first of them in a fixed random order if there are more."""


def market_figure(
    rounds: pd.DataFrame,
    trades: pd.DataFrame,
    *,
    ceiling: pd.DataFrame | None = None,
    chance: float | None = None,
    label_noisy: str = "with the privacy bought",
) -> Figure:
    """Did lying pay, and what did the buyer learn? Two panels.

    Left: every lie's utility against what the same owner would have got from the truth in the same round, both per
    cost of everything she has; above the diagonal lying paid. Right: test accuracy against rounds, mean and range
    over the seeds, between the same market without noise and chance.

    Parameters
    ----------
    rounds, trades : DataFrame
        Tables of the runs, with ``seed``.
    ceiling : DataFrame, optional
        Rounds of the market without noise, with ``seed``.
    chance : float, optional
        Accuracy of guessing.
    label_noisy : str
        What to call the market itself.
    """
    figure, (left, right) = panels(1, 2, height=4.2)
    _misreports(left, trades)
    _learning(right, rounds, ceiling, chance, label_noisy)
    handles, names = left.get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower left", ncols=4, frameon=False, fontsize="small")
    return figure


def _misreports(axes: Axes, trades: pd.DataFrame) -> None:
    misreports = trades[trades["misreport_gain"].notna()]
    cost = cost_at_own_budget(misreports)
    truth, misreport = misreports["truthful_utility"] / cost, misreports["utility"] / cost
    for strategy, rows in misreports.groupby("strategy", sort=True).groups.items():
        shown = np.random.default_rng(0).permutation(rows.to_numpy())[:MAX_POINTS]
        name = str(strategy)
        axes.scatter(
            truth[shown],
            misreport[shown],
            s=16,
            linewidths=0,
            label=name,
            color=colour_of(name),
            marker=marker_of(name),
            alpha=0.55,
        )
    maximum = 1.05 * float(max(truth.max(), misreport.max())) if len(misreports) else 1.0
    maximum = maximum if maximum > 0 else 1.0
    minimum = min(float(misreport.min()), 0.0) - 0.03 * maximum if len(misreports) else 0.0
    axes.fill_between([minimum, maximum], [minimum, maximum], maximum, color=INK, alpha=0.06, linewidth=0)
    axes.plot([minimum, maximum], [minimum, maximum], color=INK, linewidth=1, linestyle="--")
    axes.set_xlim(minimum, maximum)
    axes.set_ylim(minimum, maximum)
    label(
        axes,
        x="utility had she told the truth, per cost of all she has",
        y="utility of the lie, per cost of all she has",
        title="Did lying pay?",
    )
    words = "here it would have" if len(misreports) else "nobody lied"
    axes.annotate(words, (0.03, 0.95), xycoords="axes fraction", color=INK, va="top")


def _learning(
    axes: Axes, rounds: pd.DataFrame, ceiling: pd.DataFrame | None, chance: float | None, label_noisy: str
) -> None:
    played = np.array([1.0])
    for frame, name, colour, style, edge, gap in (
        (ceiling, "without noise", PALETTE[2], "--", "high", 0.02),
        (rounds, label_noisy, PALETTE[0], "-", "low", -0.06),
    ):
        if frame is None:
            continue
        curve = accuracy_by_round(frame)
        played = curve.index.to_numpy() + 1
        band(axes, played, curve["low"], curve["high"], colour)
        axes.plot(played, curve["mean"], color=colour, linestyle=style, label=name)
        # The label runs over the right half of the plot and has to clear the band there.
        right_half = curve[edge].iloc[len(curve) // 2 :]
        clear = right_half.max() if edge == "high" else right_half.min()
        axes.annotate(name, (played[-1], max(clear + gap, 0.01)), color=colour, ha="right")
    if chance is not None:
        axes.axhline(chance, color=INK, linewidth=1, linestyle=":", label="chance")
        axes.annotate("by chance", (played[-1], chance + 0.02), color=INK, ha="right")
    axes.set_ylim(0, 1)
    label(axes, x="rounds", y="test accuracy of the buyer's model", title="What did the buyer get?")
