"""Figures of the owners of a market that is being played: where they stand, and what each bid earned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from analysis.plots.live import GAIN, PALE, panel
from analysis.plots.style import INK, colour_of, key, label, style_of

INK_AREA = 9000.0
"""Square points that all owners' discs cover together."""
LARGEST_DISC = 1200.0


def owners_figure(owners: pd.DataFrame, edges: NDArray[np.int64], *, by: str = "strategy") -> Figure:
    """Owners where they stand on their network; the area of a disc is her data.

    Parameters
    ----------
    owners : DataFrame
        One row per owner: ``x, y, strategy, data_size, gain`` (per cost of all she has), ``bids`` (in the last
        round) and ``active`` (still in the market).
    edges : int64[m, 2]
        Who knows whom, by row.
    by : {"strategy", "gain"}
        What the colours say.
    """
    figure = Figure(figsize=(5.6, 4.3))
    axes = figure.add_axes((0.0, 0.01, 0.66, 0.98))
    axes.set_axis_off()
    axes.set_aspect("equal")
    place = owners[["x", "y"]].to_numpy()
    if len(edges):
        thin = 0.7 if len(edges) < 1000 else 0.3
        axes.add_collection(LineCollection(place[edges], colors=INK, linewidths=thin, alpha=0.3, zorder=1))
    size = owners["data_size"].to_numpy(dtype=float)
    area = np.clip(INK_AREA * size / max(size.sum(), 1.0), 5.0, LARGEST_DISC)
    colours = (
        owners["strategy"].map(colour_of).to_numpy() if by == "strategy" else _gain_colours(figure, owners["gain"])
    )
    edge = np.where(owners["bids"], INK, "white" if by == "strategy" else PALE)
    here = owners["active"].to_numpy(dtype=bool)
    # Large discs first, so that none hides a small one.
    order = np.argsort(-area, kind="stable")
    shown, gone = order[here[order]], order[~here[order]]
    few = len(owners) <= 400
    widths = np.where(owners["bids"], 1.1 if few else 0.6, 0.4 if few else 0.0)
    axes.scatter(
        place[shown, 0],
        place[shown, 1],
        s=area[shown],
        c=colours[shown],
        edgecolors=edge[shown],
        linewidths=widths[shown],
        zorder=2,
    )
    axes.scatter(
        place[gone, 0], place[gone, 1], s=area[gone], facecolors="none", edgecolors=PALE, linewidths=0.8, zorder=2
    )
    axes.margins(0.06)
    if by == "strategy":
        counts = owners["strategy"].value_counts()
        discs = [_disc(colour_of(str(name)), f"{name} ({count:,})") for name, count in counts.items()]
    else:
        discs = []
    discs.append(_disc("white", "outlined: bid last round", edge=INK))
    if len(gone):
        discs.append(_disc("white", f"left the market ({len(gone):,})", edge=PALE))
    where: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (0.645, 0.5)}
    if by == "gain":
        where = {"loc": "lower left", "bbox_to_anchor": (0.645, 0.04)}
    figure.legend(handles=discs, frameon=False, fontsize=7.5, handletextpad=0.1, borderpad=0, **where)
    return figure


def _disc(colour: str, text: str, edge: str = "white") -> Line2D:
    return Line2D([], [], marker="o", linestyle="none", color=colour, markeredgecolor=edge, markersize=8, label=text)


def _gain_colours(figure: Figure, gain: pd.Series) -> NDArray[np.float64]:
    """Colours from loss over nothing (pale) to gain; the scale is the same on both sides."""
    reach = max(0.1, float(gain.abs().max()))
    scale = ScalarMappable(Normalize(-reach, reach), colormaps["PuOr_r"])
    bar = figure.colorbar(scale, cax=figure.add_axes((0.72, 0.25, 0.03, 0.6)), format=PercentFormatter(1.0))
    bar.outline.set_visible(False)
    bar.set_label("gain from lying so far,\nper cost of all she has", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    colours: NDArray[np.float64] = scale.to_rgba(gain.to_numpy())
    return colours


def utilities_figure(bids: pd.DataFrame) -> Figure:
    """Utility of every bid against what the truth would have brought in the same round.

    Parameters
    ----------
    bids : DataFrame
        ``strategy, truthful, truth, utility``, both utilities per cost of all she has.
    """
    figure, axes = panel(height=4.3)
    truth, utility = bids["truth"].to_numpy(), bids["utility"].to_numpy()
    both = np.concatenate([truth, utility])
    low, high = np.quantile(both[np.isfinite(both)], [0.005, 0.995]) if np.isfinite(both).any() else (0.0, 1.0)
    low, high = min(0.0, low), max(high, 0.05)
    low, high = low - 0.04 * (high - low), high + 0.06 * (high - low)
    axes.fill_between([low, high], [low, high], high, color=GAIN, alpha=0.08, linewidth=0)
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle="--")
    # Liars are drawn over those who tell the truth, of whom there are often more.
    names = sorted(bids["strategy"].unique(), key=lambda name: (name != "truthful", name))
    for name in names:
        chosen = (bids["strategy"] == name).to_numpy()
        x, y = np.clip(truth[chosen], low, high), np.clip(utility[chosen], low, high)
        axes.scatter(x, y, s=13, linewidths=0, alpha=0.6, label=name, **style_of(str(name)))
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    label(axes, x="had she told the truth (% of the cost of all she has)", y="utility of her bid (same unit)")
    key(axes, loc="upper left", handletextpad=0.1, borderpad=0, title="in the shaded half lying paid")
    return figure
