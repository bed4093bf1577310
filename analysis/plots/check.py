"""The figure of a check: how often each promise was tried, and whether it held."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from agents.broker.checking.results import NOT_CLAIMED, verdict
from analysis.plots.style import INK, PALETTE, label, panels

COLOURS = {"yes": PALETTE[2], "NO": PALETTE[1], "not tried": "none"}


def check_figure(auction: str, table: pd.DataFrame) -> Figure:
    """Bars of cases tried, a row per check; what does not hold stands out, what is not claimed is hatched.

    Parameters
    ----------
    auction : str
        Its name.
    table : DataFrame
        Of a ``CheckReport``.
    """
    figure, (axes,) = panels(1, 1, width=7.6, height=1.2 + 0.27 * max(3, len(table)))
    for place, row in enumerate(table.to_dict("records")):
        word, claimed = verdict(row["holds"]), row["claim"] != NOT_CLAIMED
        axes.barh(
            place,
            max(row["tried"], 0),
            color=COLOURS[word],
            hatch=None if claimed else "///",
            edgecolor="white" if row["tried"] else INK,
            height=0.7,
        )
        axes.annotate(f" {word}", (max(row["tried"], 1), place), va="center", color=INK, fontsize="small")
    axes.set_yticks(range(len(table)), list(table["check"]), fontsize="small")
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
    label(axes, x="cases tried", y="", title=f"{auction}: what held of what was tried")
    marks = [Patch(color=COLOURS["yes"], label="held"), Patch(color=COLOURS["NO"], label="refuted")]
    marks.append(Patch(facecolor="white", edgecolor=INK, hatch="///", label="not claimed"))
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure
