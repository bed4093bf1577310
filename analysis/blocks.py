"""A run in blocks of rounds: means with intervals along time, for whatever is recorded round by round."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from agents.checks import whole
from analysis.summary import CLUSTER, clustered_mean

BLOCKS = 12
DRAWS = 500
"""Bootstrap samples per block: enough for a band in a figure."""


def by_block(frame: pd.DataFrame, column: str, *, blocks: int = BLOCKS) -> pd.DataFrame:
    """Mean of a column in consecutive blocks of rounds, with intervals.

    Parameters
    ----------
    frame : DataFrame
        Rounds or trades of one or several runs, with ``seed``; rows where ``column`` is not finite are left out.
    column : str
    blocks : int
        Into how many blocks of (nearly) equal length the rounds are cut; at most one per round.

    Returns
    -------
    DataFrame
        One row per block that has a finite value: ``round`` (the middle one, counted from 1), ``mean``, ``low``,
        ``high`` (95 % interval by a bootstrap of rounds), ``rows`` (how many values).
    """
    whole("blocks", blocks, minimum=1)
    rounds = int(frame["round"].max()) + 1 if len(frame) else 0
    edges = np.unique(np.linspace(0, rounds, min(blocks, rounds) + 1).round().astype(int))
    kept = frame[np.isfinite(frame[column].to_numpy(dtype=float, na_value=np.nan))]
    rows = []
    for first, end in itertools.pairwise(edges):
        part = kept[(kept["round"] >= first) & (kept["round"] < end)]
        if len(part):
            found = clustered_mean(part[column], part.groupby(CLUSTER).ngroup(), draws=DRAWS)
            middle = (first + end + 1) / 2
            rows.append((middle, found.mean, found.low, found.high, len(part)))
    return pd.DataFrame(rows, columns=["round", "mean", "low", "high", "rows"])
