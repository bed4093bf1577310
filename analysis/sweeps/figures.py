"""Facets of a sweep: a panel per measure, a place per value of one field, a line per value of the others."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.style import INK, MARKERS, PALETTE, label, panels, whiskers
from analysis.sweeps.effects import cell_means
from analysis.sweeps.measures import MEASURES

LONGEST = 18
"""Characters of a value under a mark."""


def facets_figure(measured: pd.DataFrame, varied: Sequence[str], measures: Sequence[str] = tuple(MEASURES)) -> Figure:
    """Draw the means of all cells with their 95 % intervals over the seeds.

    Parameters
    ----------
    measured : DataFrame
        From ``measured``.
    varied : sequence of str
        The field with the most values (of several, the last) goes along the axis, the others tell the lines apart.
    measures : sequence of str
        Those that no run has are left out.
    """
    means = cell_means(measured, measures)
    drawn = [name for name in measures if name in set(means["measure"])]
    along = max(varied, key=lambda name: (measured[name].nunique(), list(varied).index(name))) if varied else None
    others = [name for name in varied if name != along]
    values = list(dict.fromkeys(measured[along])) if along else [""]
    where = measured.drop_duplicates("cell").set_index("cell")
    lines = list(dict.fromkeys(tuple(row) for row in where[others].itertuples(index=False))) if others else [()]
    rows = max(1, -(-len(drawn) // 2))
    figure, axes = panels(rows, 2, width=5.0, height=3.2)
    for each, name in zip(axes, drawn, strict=False):
        here = means[means["measure"] == name].set_index("cell")
        for place, line in enumerate(lines):
            cells = [cell for cell in here.index if not others or tuple(where.loc[cell, others]) == line]
            shift = 0.12 * (place - (len(lines) - 1) / 2)
            at = [(values.index(where.loc[cell, along]) if along else 0) + shift for cell in cells]
            found = here.loc[cells]
            style = {"color": PALETTE[place % len(PALETTE)], "marker": MARKERS[place % len(MARKERS)]}
            text = ", ".join(f"{field} {value}" for field, value in zip(others, line, strict=True))
            whiskers(each, at, found["mean"], found["low"], found["high"], text or "mean, 95 %", **style)
        each.set_xticks(range(len(values)), [_short(value) for value in values])
        if name in ("gain", "paid"):
            each.axhline(0, color=INK, linewidth=1, linestyle="--")
        label(each, x=str(along or ""), y=MEASURES[name].unit, title=MEASURES[name].name)
    for each in axes[len(drawn) :]:
        each.set_visible(False)
    if others and drawn:
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=min(4, len(lines)), frameon=False)
    return figure


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
