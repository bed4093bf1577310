"""Figures of a run along its rounds: error bound, money, gains of lying, privacy spent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.intervals import by_block
from analysis.plots.style import INK, PALETTE, band, colour_of, curve, key, label, panels, style_of
from analysis.summary import cost_at_own_budget


def rounds_figure(rounds: pd.DataFrame, trades: pd.DataFrame) -> Figure:
    """How did the market develop? Error bound, money spent, gain per lie, each as means over blocks of rounds.

    Parameters
    ----------
    rounds, trades : DataFrame
        Tables of one or several runs of the same market, with ``seed``. Bands are 95 % bootstrap intervals.
    """
    figure, (bound, money, gain) = panels(1, 3, width=3.6, height=3.4)
    _bound(bound, rounds)
    for column, colour, name in (("budget", INK, "budget"), ("spent", PALETTE[0], "spent")):
        blocks = by_block(rounds, column)
        curve(money, blocks["round"], blocks["mean"], blocks["low"], blocks["high"], name, color=colour, marker=".")
    money.set_ylim(bottom=0)
    label(money, x="round", y="money per round", title="What was spent?")
    key(money)
    _gain(gain, trades)
    handles, names = gain.get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside lower right", ncols=4, frameon=False, fontsize="small")
    return figure


def _bound(axes: Axes, rounds: pd.DataFrame) -> None:
    for column, name, colour in (
        ("error_bound", "this market", PALETTE[0]),
        ("error_bound_first_best", "first best", INK),
    ):
        blocks = by_block(rounds, column)
        if len(blocks):
            drawn = (blocks["round"], blocks["mean"], blocks["low"], blocks["high"])
            curve(axes, *drawn, name, color=colour, marker=".")
    label(axes, x="round", y="mean error bound of valid rounds", title="How good was the gradient?")
    axes.set_ylim(bottom=0)
    key(axes)


def _gain(axes: Axes, trades: pd.DataFrame) -> None:
    misreports = trades[trades["misreport_gain"].notna()]
    share = misreports.assign(gain=100 * misreports["misreport_gain"] / cost_at_own_budget(misreports))
    for strategy, group in share.groupby("strategy", sort=True):
        blocks = by_block(group, "gain")
        drawn = (blocks["round"], blocks["mean"], blocks["low"], blocks["high"])
        curve(axes, *drawn, str(strategy), markersize=4, linewidth=1)
    axes.axhline(0, color=INK, linewidth=1, linestyle="--")
    label(axes, x="round", y="mean gain per lie, % of her cost", title="Does lying begin to pay?")


def privacy_figure(trades: pd.DataFrame) -> Figure:
    """How much privacy was spent? Privacy loss summed over rounds: median, middle half and largest of the owners.

    Owners who sell nothing in the whole run are left out; the others count from the first round on.
    """
    figure, (axes,) = panels(1, 1, width=6.4, height=3.4)
    spent = trades.pivot_table(index=["seed", "owner"], columns="round", values="privacy_loss", aggfunc="sum")
    spent = spent.fillna(0.0).cumsum(axis=1)
    sold = spent[spent.iloc[:, -1] > 0] if spent.shape[1] else spent
    if len(sold):
        rounds = sold.columns.to_numpy() + 1
        band(axes, rounds, sold.quantile(0.25), sold.quantile(0.75), PALETTE[0])
        axes.plot(rounds, sold.median(), color=PALETTE[0], label="median owner who sold (band: middle half)")
        axes.plot(rounds, sold.max(), color=PALETTE[1], linestyle="--", label="owner who sold most")
        total = trades.pivot_table(index=["seed", "owner"], columns="round", values="privacy_total", aggfunc="max")
        total = total.ffill(axis=1).fillna(0.0).loc[sold.index]
        axes.plot(rounds, total.median(), color=PALETTE[0], linestyle=":", label="median owner, tight total")
    label(axes, x="rounds", y="privacy loss ε, summed over rounds", title="What privacy was spent?")
    axes.set_ylim(bottom=0)
    key(axes, loc="upper left")
    return figure


def accounts_figure(trades: pd.DataFrame) -> Figure:
    """What did owners earn? Mean utility per bid with a 95 % interval per strategy, and had they told the truth.

    Filled marks are what happened, hollow ones the same owners' utility from the truth in the same rounds.
    """
    names = sorted(trades["strategy"].unique())
    figure, (axes,) = panels(1, 1, width=7.2, height=1.1 + 0.42 * max(len(names), 1))
    cost = cost_at_own_budget(trades)
    for place, name in enumerate(names):
        for column, shift, filled in (("truthful_utility", -0.13, False), ("utility", 0.13, True)):
            share = trades.assign(share=100 * trades[column] / cost)[trades["strategy"] == name]
            for row in by_block(share, "share", blocks=1).itertuples():
                ends = [[row.mean - row.low], [row.high - row.mean]]
                axes.errorbar(
                    row.mean,
                    place + shift,
                    xerr=np.maximum(ends, 0.0) if np.isfinite(ends).all() else None,
                    **style_of(str(name)),
                    markerfacecolor=colour_of(str(name)) if filled else "none",
                    capsize=2,
                )
    axes.axvline(0, color=INK, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    label(axes, x="mean utility per bid, % of her cost of all she has (hollow: from the truth)", y="strategy")
    return figure
