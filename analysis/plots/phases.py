"""One round of a market, a picture a phase: what was announced, said, sold, sent, weighed, learned and earned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.plots.style import INK, PALETTE, colour_of, label, marker_of, panels

WIDTH, HEIGHT = 6.0, 2.9


@dataclass(frozen=True)
class PlayedRound:
    """A round to be drawn.

    Parameters
    ----------
    rounds : DataFrame
        ``Results.rounds`` up to this round, of one buyer.
    trades : DataFrame
        The round's rows of ``Results.trades``, with ``noise`` (standard deviation of one coordinate of the upload),
        ``weight`` (in the aggregate) and ``share`` (of all bidders' records, what was bought).
    """

    rounds: pd.DataFrame
    trades: pd.DataFrame

    @property
    def sold(self) -> pd.DataFrame:
        """Who sold something."""
        return self.trades[self.trades["privacy_loss"] > 0]


def phase_figures(played: PlayedRound) -> dict[str, Figure]:
    """The figures by phase, in the order of a round."""
    figures = {}
    for name, draw in PHASES.items():
        figure, (axes,) = panels(1, 1, width=WIDTH, height=HEIGHT)
        draw(axes, played)
        figures[name] = figure
    return figures


def _announce(axes: Axes, played: PlayedRound) -> None:
    place = played.rounds["round"] + 1
    colours = [PALETTE[7]] * (len(place) - 1) + [PALETTE[0]]
    axes.bar(place, played.rounds["budget"], color=colours, width=0.7)
    label(axes, x="round", y="budget, money", title="Announce: a budget, before anybody bids (now: blue)")


def _bid(axes: Axes, played: PlayedRound) -> None:
    trades = played.trades
    for strategy, rows in trades.groupby("strategy", sort=True):
        name = str(strategy)
        told = rows["report_ratio"].fillna(1.0) * rows["own_cost"]
        look, mark = colour_of(name), marker_of(name)
        axes.scatter(rows["own_cost"], told, s=26, linewidths=0, label=name, color=look, marker=mark)
    ends = [trades["own_cost"].min() / 1.5, trades["own_cost"].max() * 2]
    axes.plot(ends, ends, color=INK, linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend(frameon=False, fontsize="small")
    label(axes, x="true cost of all she has, money", y="cost she says", title="Bid: the truth (dashed), or not")


def _auction(axes: Axes, played: PlayedRound) -> None:
    rows = played.trades.sort_values("reported_privacy_budget", ignore_index=True)
    place = np.arange(len(rows))
    axes.bar(place, rows["reported_privacy_budget"], color="white", edgecolor=INK, width=0.8, label="offered")
    axes.bar(place, rows["privacy_loss"], color=PALETTE[0], width=0.8, label="sold")
    for at, row in zip(place, rows.itertuples(), strict=True):
        if row.payment > 0:
            inside = row.privacy_loss > 0.15 * rows["privacy_loss"].max()
            where, colour = ((at, 0.0), "white") if inside else ((at, row.privacy_loss), INK)
            axes.annotate(f"{row.payment:.0f}", where, ha="center", va="bottom", fontsize="x-small", color=colour)
    axes.set_xticks([])
    axes.legend(frameon=False, fontsize="small")
    label(axes, x="bidders", y="privacy loss ε", title="Auction: who sells how much, for what payment (number)")


def _upload(axes: Axes, played: PlayedRound) -> None:
    rows = played.sold.sort_values("privacy_loss")
    axes.scatter(rows["privacy_loss"], rows["noise"], s=26, linewidths=0, color=PALETTE[1])
    axes.set_ylim(bottom=0)
    label(
        axes,
        x="privacy loss ε that was sold",
        y="noise of a coordinate",
        title="Upload: the more privacy is sold, the less noise she adds",
    )


def _aggregate(axes: Axes, played: PlayedRound) -> None:
    rows = played.sold.sort_values("share", ignore_index=True)
    place = np.arange(len(rows))
    axes.bar(place - 0.2, rows["share"], width=0.4, color=PALETTE[7], label="share of all records, w")
    axes.bar(place + 0.2, rows["weight"], width=0.4, color=PALETTE[2], label="weight, λ")
    axes.set_xticks([])
    axes.legend(frameon=False, fontsize="small")
    label(axes, x="sellers", y="", title="Aggregate: weights between few records and much noise")


def _update(axes: Axes, played: PlayedRound) -> None:
    rounds = played.rounds
    axes.plot(rounds["round"] + 1, rounds["test_accuracy"], color=PALETTE[7], marker="o", markersize=4)
    axes.plot(rounds["round"].iloc[-1:] + 1, rounds["test_accuracy"].iloc[-1:], color=PALETTE[0], marker="o")
    axes.set_ylim(0, 1)
    label(axes, x="round", y="test accuracy", title="Update: one step of the model (now: blue)")


def _settle(axes: Axes, played: PlayedRound) -> None:
    lies = played.trades[played.trades["misreport_gain"].notna()].sort_values("misreport_gain", ignore_index=True)
    place = np.arange(len(lies))
    axes.vlines(place, lies["truthful_utility"], lies["utility"], color=INK, linewidth=1)
    axes.scatter(place, lies["truthful_utility"], s=30, color=PALETTE[0], label="had she told the truth")
    axes.scatter(place, lies["utility"], s=30, color=PALETTE[1], marker="s", label="for what she said")
    axes.set_xticks([])
    axes.legend(frameon=False, fontsize="small")
    label(axes, x="liars", y="utility, money", title="Settle: what the truth would have earned each liar")


PHASES: Mapping[str, Callable[[Axes, PlayedRound], None]] = {
    "announce": _announce,
    "bid": _bid,
    "auction": _auction,
    "upload": _upload,
    "aggregate": _aggregate,
    "update": _update,
    "settle": _settle,
}
"""What draws each phase, in the order of a round."""
