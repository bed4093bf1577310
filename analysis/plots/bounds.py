"""The figure of an evaluation in which no regret was looked for: error bounds by budget factor."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.plots.style import key, label, panels, whiskers


def bounds_figure(table: pd.DataFrame) -> Figure:
    """Mean error bound of valid rounds with its interval, mechanisms side by side at every budget factor.

    Parameters
    ----------
    table : DataFrame
        Of ``analysis.evaluation.evaluate``.
    """
    factors = list(dict.fromkeys(table["budget_factor"]))
    figure, (axes,) = panels(1, 1, width=1.6 + 1.3 * len(factors), height=4.0)
    names = list(dict.fromkeys(table["auction"]))
    for place, name in enumerate(names):
        rows = table[table["auction"] == name]
        aside = 0.6 * (place - (len(names) - 1) / 2) / max(1, len(names))
        at = np.array([factors.index(factor) + aside for factor in rows["budget_factor"]])
        finite = np.isfinite(rows["mean"].to_numpy())
        shown = rows[["mean", "low", "high"]].to_numpy(dtype=float)[finite]
        whiskers(axes, at[finite], shown[:, 0], shown[:, 1], shown[:, 2], str(name))
    axes.set_xticks(range(len(factors)), factors)
    axes.set_yscale("log")
    label(axes, x="budget factor f", y="mean error bound of valid rounds", title="What a budget buys")
    key(axes)
    return figure
