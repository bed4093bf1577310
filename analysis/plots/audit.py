"""Figures of an audit: what was found against queries, who gains how much, and how much the audit is able to find.

Every gain is a lower bound, and every figure says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.incentives.flattening import combined_curve
from analysis.plots.style import INK, MARKERS, PALETTE, key, label, panels

CAPTION = "Gains are at least what is shown: the most that these attackers found, a better one may find more."
MIN_SHOWN = 1e-4
"""Gain over own cost at which the logarithmic axis begins."""


def curves_figure(curves: pd.DataFrame, title: str) -> Figure:
    """What was found against queries: by every attacker on its own, and by all together.

    A claim that little can be gained is credible where the right curve has flattened.

    Parameters
    ----------
    curves : DataFrame
        ``attacker, queries, own, together, owners``; on the right are all owners, as many queries from each.
    title : str
        What was audited.
    """
    figure, (left, right) = panels(1, 2, width=5.4, height=4.2)
    everybody = curves["owners"].max() if len(curves) else 0
    for place, (name, rows) in enumerate(curves.groupby("attacker", sort=False)):
        few = "" if rows["owners"].iloc[0] == everybody else f" ({rows['owners'].iloc[0]} owners)"
        marker: dict[str, Any] = {"marker": MARKERS[place % len(MARKERS)], "markevery": [-1], "markersize": 5}
        style = "-" if place < len(PALETTE) else "--"
        colour = PALETTE[place % len(PALETTE)]
        left.plot(rows["queries"], rows["own"], color=colour, label=f"{name}{few}", linestyle=style, **marker)
    joint = combined_curve(curves)
    right.plot(np.arange(1, len(joint) + 1), joint["together"], color=PALETTE[0])
    _changes_of_attacker(right, joint)
    label(left, x="queries per owner, of this attacker", y="mean gain over own cost, at least", title=title)
    label(
        right, x="queries per owner, of all in turn", y="mean gain over own cost, at least", title="Has it flattened?"
    )
    for axes in (left, right):
        axes.set_ylim(bottom=0, top=None if curves["own"].max() > 0 else 1)
    if not (len(curves) and curves["own"].max() > 0):
        right.annotate("no lie gained anything", (0.5, 0.5), xycoords="axes fraction", ha="center", color=INK)
    key(left)
    return _captioned(figure)


def gains_figure(owners: pd.DataFrame, by_class: pd.DataFrame, title: str) -> Figure:
    """Who gains how much: the share of owners by least gain, and means by data size and by budget.

    Parameters
    ----------
    owners : DataFrame
        One row per owner, with ``gain`` and ``own_cost``.
    by_class : DataFrame
        ``by, low_end, high_end, mean, low, high``.
    title : str
        What was audited.
    """
    figure, (left, middle, right) = panels(1, 3, width=4.2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(owners["gain"] > 0, owners["gain"] / owners["own_cost"], 0.0)
    ranked = np.sort(share)[::-1]
    above = np.arange(1, len(ranked) + 1) / max(1, len(ranked))
    shown = (ranked > MIN_SHOWN) & np.isfinite(ranked)
    left.step(ranked[shown], above[shown], where="pre", color=PALETTE[0])
    left.set_xscale("log")
    left.set_xlim(MIN_SHOWN, max(1.0, *(ranked[shown][:1] * 1.5)) if shown.any() else 1.0)
    left.set_ylim(0, 1)
    for mark, text in ((0.01, "1 %"), (0.05, "5 %")):
        left.axvline(mark, color=INK, linewidth=1, linestyle=":")
        left.annotate(text, (mark, 1.0), color=INK, ha="right", va="top", rotation=90, fontsize="small")
    if not shown.any():
        left.annotate("nobody gains", (0.5, 0.5), xycoords="axes fraction", ha="center", color=INK)
    label(left, x="gain over own cost", y="share of owners who gain at least that", title=title)
    _classes(middle, by_class[by_class["by"] == "data_size"], "records of the owner (deciles)")
    _classes(right, by_class[by_class["by"] == "budget_factor"], "budget over the cost of everything")
    return _captioned(figure)


def power_figure(controls: pd.DataFrame, found: Mapping[str, float]) -> Figure:
    """What the audit finds where lying is known to pay, beside what it found in the audited auction.

    Parameters
    ----------
    controls : DataFrame
        ``control, mean, caught``.
    found : mapping
        Mean gain over own cost of the audited auction, by threat model.
    """
    figure, (axes,) = panels(1, 1, width=6.4, height=3.2)
    rows = [(str(row.control), float(row.mean), PALETTE[7]) for row in controls.itertuples()]
    rows += [(name, value, PALETTE[0]) for name, value in found.items()]
    for place, (_, value, colour) in enumerate(rows):
        axes.barh(place, value, color=colour, height=0.6)
        axes.annotate(f" {value:.3g}", (value, place), va="center", color=INK, fontsize="small")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1e-3)
    axes.set_xlim(left=0)
    label(axes, x="mean gain over own cost, at least", y="", title="Controls (grey) and audited auction (blue)")
    return _captioned(figure)


def _changes_of_attacker(axes: Axes, joint: pd.DataFrame) -> None:
    """Thin lines where the next attacker takes over."""
    ends = np.cumsum(joint.groupby("attacker", sort=False).size().to_numpy())
    for end in ends[:-1]:
        axes.axvline(end, color=INK, linewidth=0.5, linestyle=":")


def _classes(axes: Axes, rows: pd.DataFrame, what: str) -> None:
    place = np.arange(len(rows))
    mean = rows["mean"].to_numpy(dtype=float)
    low, high = rows["low"].to_numpy(dtype=float), rows["high"].to_numpy(dtype=float)
    reach = np.stack([mean - low, high - mean])
    reach = np.where(np.isfinite(reach), np.maximum(reach, 0.0), 0.0)
    axes.errorbar(place, mean, yerr=reach, color=PALETTE[0], marker="o", linestyle="none", capsize=2)
    for index in np.flatnonzero(np.isfinite(mean) & ~np.isfinite(high)):
        # An interval without end has no bar to draw.
        axes.annotate("∞", (index, mean[index]), xytext=(0, 4), textcoords="offset points", color=INK, ha="center")
    axes.set_xticks(place, [_number(end) for end in rows["high_end"]], rotation=60, fontsize="small")
    axes.set_ylim(bottom=0, top=None if len(mean) and mean.max() > 0 else 1)
    label(axes, x=what, y="mean gain over own cost, at least")


def _number(end: float) -> str:
    return f"≤ {end:,.0f}" if end >= 100 else f"≤ {end:.3g}"


def _captioned(figure: Figure) -> Figure:
    figure.supxlabel(CAPTION, fontsize="small", color=INK)
    return figure
