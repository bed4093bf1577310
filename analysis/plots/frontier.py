"""The figure of the frontier: error bound against the regret found, one panel per budget factor."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from analysis.evaluation import FIRST_BEST, NO_BUDGET, SECOND_BEST
from analysis.plots.style import INK, colour_of, label, marker_of, panels

MIN_WEIGHT = 1e-3
"""Regret below which the axis is linear, so that none at all is still on it."""
MAX_WEIGHT, EDGE = 12.0, 11.2
"""End of the axis of error bounds, and where the marks stand that lie beyond."""
NEAR = sorted(
    ((side * right, up) for side in (1, -1) for right in (9, 24, 48) for up in range(-72, 73, 3)),
    key=lambda place: (math.hypot(place[0], 2.5 * place[1]), place[0] < 0, place[1] < 0),
)
"""Where a name may stand, right of its mark and above it in points, the best place first."""
LINES = {FIRST_BEST: "-", SECOND_BEST: "-.", NO_BUDGET: ":"}


def frontier_figure(
    points: pd.DataFrame,
    benchmarks: pd.DataFrame,
    published: pd.DataFrame,
    *,
    factors: Sequence[str] | None = None,
    columns: int = 3,
) -> Figure:
    """Error bound against found regret, one point per mechanism; low and left is good.

    Parameters
    ----------
    points : DataFrame
        Of ``analysis.frontier.frontier``, one setting: ``budget_factor, auction``, error bound and regret, each with
        ends of its interval, and ``efficient``; the efficient ones are joined by a step line.
    benchmarks : DataFrame
        ``budget_factor, auction, mean``: drawn as horizontal lines.
    published : DataFrame
        Of ``analysis.published_values.published_points``: drawn hollow.
    factors : sequence of str, optional
        Budget factors shown; all by default.
    columns : int
        Panels side by side.
    """
    shown = list(factors) if factors is not None else list(dict.fromkeys(points["budget_factor"]))
    columns = max(1, min(columns, len(shown)))
    rows = math.ceil(len(shown) / columns)
    figure, axes = panels(rows, columns, width=4.3, height=3.9, sharex=True, sharey=True)
    names: dict[str, Line2D] = {}
    for axis, factor in zip(axes, shown, strict=False):
        _scales(axis)
        names |= _benchmarks(axis, benchmarks[benchmarks["budget_factor"] == factor])
        names |= _mechanisms(axis, points[points["budget_factor"] == factor])
        names |= _published(axis, published[published["budget_factor"] == factor])
        label(axis, x="", y="", title=f"budget factor f {'~' if '[' in factor else '='} {factor}")
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    figure.supxlabel(
        "regret found, at least: gain from the best lie over cost of what is sold truthfully, mean over sellers"
    )
    figure.supylabel(f"mean error bound of valid rounds (log scale; at the upper edge: over {EDGE:g})")
    if names:
        figure.legend(
            list(names.values()), list(names), loc="outside upper center", ncols=5, frameon=False, fontsize="small"
        )
    return figure


def frontier_panel(
    points: pd.DataFrame, benchmarks: pd.DataFrame, published: pd.DataFrame, *, factor: str, headline: str = ""
) -> Figure:
    """One panel, every mechanism named beside its mark: the picture for a page that has room for one.

    Parameters
    ----------
    points, benchmarks, published : DataFrame
        As ``frontier_figure`` takes them.
    factor : str
        The budget factor shown.
    headline : str
        The mechanism that is drawn larger.
    """
    figure, (axis,) = panels(width=8.2, height=5.0)
    _scales(axis)
    for name, line in _benchmarks(axis, benchmarks[benchmarks["budget_factor"] == factor]).items():
        place = (0.995, line.get_ydata()[0])  # type: ignore[index]
        axis.annotate(name, place, (0, 2), xycoords=axis.get_yaxis_transform(), textcoords="offset points", ha="right",
                      fontsize=8, color=INK)  # fmt: skip
    here = points[points["budget_factor"] == factor]
    marks = _mechanisms(axis, here)
    for name, mark in _published(axis, published[published["budget_factor"] == factor], attacked=False).items():
        marks[name.replace(", as printed", "").replace(", 300 random lies (published)", " (published, attacked)")] = (
            mark
        )
    for name, mark in marks.items():
        mark.set_markersize(13 if name == headline else 7)
    _named(figure, axis, marks, headline)
    label(
        axis,
        x="regret found, at least: gain from the best lie over cost of the truthful sale",
        y=f"mean error bound of valid rounds (log; at the edge: over {EDGE:g})",
        title=f"Lower is better bought, further left is harder to cheat (f {'~' if '[' in factor else '='} {factor})",
    )
    return figure


def _named(figure: Figure, axis: Axes, marks: Mapping[str, Line2D], headline: str) -> None:
    """Write every name near its mark, in the nearest place where it covers neither marks, whiskers, lines nor names."""
    figure.canvas.draw()
    taken = _drawn_boxes(axis)
    for name, mark in sorted(marks.items(), key=lambda each: np.asarray(each[1].get_ydata())[0]):
        place = (np.asarray(mark.get_xdata())[0], np.asarray(mark.get_ydata())[0])
        said = axis.annotate(
            name,
            place,
            (0, 0),
            textcoords="offset points",
            va="center",
            fontsize=10 if name == headline else 8.5,
            fontweight="bold" if name == headline else "normal",
            color=mark.get_color(),
        )
        for right, up in NEAR:
            said.set_horizontalalignment("left" if right > 0 else "right")
            said.set_position((right, up))
            box = said.get_window_extent()
            inside = axis.bbox.x0 < box.x0 and box.x1 < axis.bbox.x1 and axis.bbox.y0 < box.y0 and box.y1 < axis.bbox.y1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(said.get_window_extent())


def _drawn_boxes(axis: Axes) -> list[Bbox]:
    """Where marks, whiskers and lines are, in pixels."""
    boxes = []
    for line in axis.lines:
        corners = line.get_transform().transform(line.get_xydata())
        if line.get_linestyle() == "None":
            half = 0.7 * line.get_markersize() * axis.figure.dpi / 72
            boxes += [Bbox([corner - half, corner + half]) for corner in corners]
        else:
            boxes += [_around(one, other) for one, other in itertools.pairwise(corners)]
    for collection in axis.collections:
        if isinstance(collection, LineCollection):
            for segment in collection.get_segments():
                boxes.append(_around(*axis.transData.transform(segment)))
    return boxes


def _around(one: np.ndarray, other: np.ndarray) -> Bbox:
    """A line between two points, a pixel wider."""
    return Bbox([np.minimum(one, other) - 1, np.maximum(one, other) + 1])


def _scales(axis: Axes) -> None:
    axis.set_xscale("symlog", linthresh=MIN_WEIGHT, linscale=0.5)
    axis.set_yscale("log")
    axis.set_ylim(1, MAX_WEIGHT)
    axis.set_xlim(-MIN_WEIGHT / 2, 10)
    axis.set_xticks([0, 1e-3, 1e-2, 1e-1, 1, 10], ["0", ".001", ".01", ".1", "1", "10"])
    axis.axvspan(-MIN_WEIGHT / 2, MIN_WEIGHT / 2, color=INK, alpha=0.05, linewidth=0)
    axis.set_yticks([1, 1.25, 1.5, 2, 3, 5, 10], ["1", "1.25", "1.5", "2", "3", "5", "10"])
    axis.minorticks_off()


def _benchmarks(axis: Axes, rows: pd.DataFrame) -> dict[str, Line2D]:
    return {
        name: axis.axhline(mean, color=INK, linewidth=1, linestyle=style, zorder=1)
        for name, style in LINES.items()
        for mean in rows.loc[rows["auction"] == name, "mean"]
    }


def _mechanisms(axis: Axes, rows: pd.DataFrame) -> dict[str, Line2D]:
    """Points with both intervals, and the steps between the efficient ones."""
    steps = rows[rows["efficient"].astype(bool)].sort_values("regret")
    if len(steps):
        x = [*steps["regret"], 10.0]
        y = [*steps["error_bound"], steps["error_bound"].iloc[-1]]
        axis.step(x, y, where="post", color=INK, alpha=0.35, linewidth=1, zorder=1)
    drawn: dict[str, Line2D] = {}
    for row in rows.to_dict(orient="records"):
        if not np.isfinite(row["error_bound"]) or not np.isfinite(row["regret"]):
            continue
        name = str(row["auction"])
        across = _reach(row["regret"], row["regret_low"], row["regret_high"])
        along = _reach(row["error_bound"], row["error_bound_low"], row["error_bound_high"])
        drawn[name] = _mark(axis, row, across, along, color=colour_of(name), marker=marker_of(name), zorder=3)
    return drawn


def _published(axis: Axes, rows: pd.DataFrame, *, attacked: bool = True) -> dict[str, Line2D]:
    """Hollow marks in the colour that the same mechanism has here."""
    drawn: dict[str, Line2D] = {}
    for row in rows.to_dict(orient="records"):
        name = str(row["auction"])
        short = name.partition(",")[0].lower()
        style = {"color": colour_of(short), "marker": marker_of(short), "markerfacecolor": "white", "zorder": 2}
        across = _reach(row["regret"], row["low"], row["high"])
        drawn[f"{name} (published)"] = _mark(axis, row, across, np.zeros((2, 1)), **style)
        if attacked and across.any():
            here = (row["regret"], min(row["error_bound"], EDGE))
            axis.annotate("attacked", here, (-22, 6), textcoords="offset points", fontsize="x-small", color=INK)
    return drawn


def _mark(axis: Axes, row: Mapping[Any, Any], across: np.ndarray, along: np.ndarray, **style: Any) -> Line2D:
    """One mark with its whiskers."""
    x, y = row["regret"], min(row["error_bound"], EDGE)
    along = along if y < EDGE else np.zeros((2, 1))
    axis.errorbar(
        x, y, xerr=across, yerr=along, fmt="none", ecolor=style["color"], elinewidth=1, zorder=style["zorder"]
    )
    return axis.plot(x, y, markersize=6, linestyle="none", **style)[0]


def _reach(middle: float, low: float, high: float) -> np.ndarray:
    """How far an interval reaches down and up; nothing where it is not known."""
    reach = np.array([[middle - low], [high - middle]])
    return np.where(np.isfinite(reach), np.maximum(reach, 0.0), 0.0)
