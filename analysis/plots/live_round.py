"""Figures of one round of a market: who was offered what, sold what, at what price; and one owner's price list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.plots.live import GAIN, PALE, frame, log_scale
from analysis.plots.style import INK, PALETTE, colour_of, key, label


def last_round_figure(offers: pd.DataFrame) -> Figure:
    """One round as a picture: what every bidder was offered, what she sold, at what price.

    Parameters
    ----------
    offers : DataFrame
        One row per bidder, drawn from the top: ``owner, strategy, truthful, sells, data_size, records,
        privacy_budget, privacy_loss, price, cost, ask``, the last three in money per record.
    """
    height = max(2.4, 1.1 + 0.155 * len(offers))
    figure = Figure(figsize=(11.6, height))
    prices, losses, records = figure.subplots(1, 3, gridspec_kw={"width_ratios": [2.2, 1, 1]})
    figure.subplots_adjust(left=0.185, right=0.985, bottom=0.55 / height, top=1 - 0.36 / height, wspace=0.09)
    row = np.arange(len(offers))
    _prices(prices, offers, row)
    _bars(losses, row, offers["privacy_budget"], "tolerated", offers["privacy_loss"], PALETTE[3])
    losses.set_xlim(0, None)
    label(losses, x="privacy loss (ε)", y="")
    log_scale(records, "x")
    _bars(records, row, offers["data_size"], "held", offers["records"], PALETTE[0], start=0.7)
    records.set_xlim(0.7, None)
    label(records, x="records (log scale)", y="")
    for axes in (prices, losses, records):
        frame(axes)
        axes.spines["left"].set_visible(False)
        axes.yaxis.set_visible(False)
        axes.set_ylim(len(offers) - 0.4, -0.6)
        key(
            axes,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=4,
            borderpad=0.1,
            handletextpad=0.3,
            columnspacing=1.2,
            handlelength=1.0,
        )
    return figure


def _prices(axes: Axes, offers: pd.DataFrame, row: NDArray[np.int64]) -> None:
    """Price beside true cost and, of a liar, what she says it costs; the bidders' names at the left."""
    sells, price, cost = (offers[name].to_numpy() for name in ("sells", "price", "cost"))
    profit = np.where(price >= cost, PALETTE[2], GAIN)
    axes.hlines(row, np.minimum(price, cost), np.maximum(price, cost), color=profit, linewidth=3, alpha=0.35)
    axes.plot(cost, row, "|", color=INK, markersize=9, markeredgewidth=1.6, label="her true cost")
    deviators = (~offers["truthful"]).to_numpy(dtype=bool) & np.isfinite(offers["ask"].to_numpy())
    axes.plot(
        offers["ask"][deviators], row[deviators], "x", color=GAIN, markersize=5, label="what a liar says it costs"
    )
    axes.plot(price[sells], row[sells], "o", color=PALETTE[2], markersize=6, label="price paid")
    named = ~sells & np.isfinite(price)
    axes.plot(price[named], row[named], "o", color="white", markeredgecolor=INK, markersize=6, label="price refused")
    axes.set_xlim(0, None)
    label(axes, x="money per record, at the privacy loss sold (or best offered)", y="")
    left = axes.get_yaxis_transform()
    for place, strategy, owner in zip(row, offers["strategy"], offers["owner"], strict=True):
        text: dict[str, Any] = {"color": colour_of(strategy), "fontsize": 8, "ha": "right", "va": "center"}
        axes.text(-0.012, place, f"{strategy}  {owner}", transform=left, **text)


def _bars(
    axes: Axes, row: NDArray[np.int64], has: pd.Series, has_what: str, sold: pd.Series, colour: str, start: float = 0.0
) -> None:
    """What every bidder has and what of it she sold; lines, because hundreds of rectangles take long to draw."""
    axes.hlines(row, start, has, color=PALE, linewidth=8, label=has_what)
    sells = (sold > 0).to_numpy()
    axes.hlines(row[sells], start, sold[sells], color=colour, linewidth=4.5, label="sold")


def price_list_figure(entries: pd.DataFrame, curves: pd.DataFrame, *, privacy_budget: float) -> Figure:
    """One owner's price list: what every privacy loss pays and costs her (left), and what each entry would earn her.

    Parameters
    ----------
    entries : DataFrame
        ``privacy_loss, price, records, profit, chosen, best`` of every entry that sells something.
    curves : DataFrame
        Her ``cost`` and her ``ask`` per record over ``privacy_loss``.
    privacy_budget : float
        The largest privacy loss that she tolerates.
    """
    figure = Figure(figsize=(11.6, 3.5))
    prices, profits = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.06, right=0.985, bottom=0.15, top=0.96, wspace=0.16)
    loss = entries["privacy_loss"]
    area = 10 + 70 * entries["records"] / max(1, entries["records"].max())
    prices.scatter(
        loss, entries["price"], s=area, color=PALETTE[5], alpha=0.7, linewidths=0, label="offered (area: records)"
    )
    prices.plot(curves["privacy_loss"], curves["cost"], color=INK, linewidth=1.6, label="her true cost")
    if not np.array_equal(curves["cost"], curves["ask"]):
        prices.plot(
            curves["privacy_loss"],
            curves["ask"],
            color=GAIN,
            linewidth=1.4,
            linestyle="--",
            label="the cost she claims",
        )
    label(prices, x="privacy loss (ε)", y="money per record")
    prices.set_ylim(0, None)
    profits.axhline(0, color=INK, linewidth=0.8)
    profits.scatter(loss, entries["profit"], s=area, color=PALETTE[5], alpha=0.7, linewidths=0, label="every entry")
    for name, mark, text, colour, size in (
        ("best", "o", "what suits her best", INK, 170),
        ("chosen", "*", "what her bid picked", GAIN, 110),
    ):
        chosen = entries[entries[name]]
        face = "none" if mark == "o" else colour
        prices.scatter(
            chosen["privacy_loss"], chosen["price"], marker=mark, s=size, facecolors=face, edgecolors=colour, label=text
        )
        profits.scatter(
            chosen["privacy_loss"], chosen["profit"], marker=mark, s=size, facecolors=face, edgecolors=colour
        )
    label(profits, x="privacy loss (ε)", y="her true profit from an entry (money)")
    low, high = np.nanquantile(entries["profit"], [0.05, 1.0]) if entries["profit"].notna().any() else (0.0, 1.0)
    low, high = min(low, 0.0), max(high, 0.0)
    profits.set_ylim(low - 0.08 * max(high - low, 1e-9), high + 0.12 * max(high - low, 1e-9))
    maximum = 1.05 * max(privacy_budget, float(loss.max()) if len(loss) else 0.0)
    for axes in (prices, profits):
        frame(axes)
        axes.set_xlim(0, maximum)
        axes.axvspan(privacy_budget, maximum, color=PALE, alpha=0.35, linewidth=0, label="more than she tolerates")
    key(prices, loc="upper left", borderpad=0)
    return figure
