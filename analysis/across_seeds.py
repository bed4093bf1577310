"""Means over repetitions of a market with Student's intervals: rounds of one run depend on one another, runs do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t as student

from agents.checks import number, whole
from analysis.summary import Interval

BLOCKS = 20


def across_seeds(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean of one value per repetition, and Student's interval around it.

    Nothing is known about the spread of a single value: its interval is the whole line. Without any, the mean is no
    number either.

    Raises
    ------
    ValueError
        If ``values`` are not one-dimensional.
    """
    number("level", level, above=0.0, maximum=1.0)
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(f"values has shape {list(array.shape)}: pass one number per repetition")
    if len(array) < 2:
        return Interval(float(array[0]) if len(array) else float("nan"), -np.inf, np.inf)
    reach = student.ppf((1 + level) / 2, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array))
    mean = float(array.mean())
    return Interval(mean, float(mean - reach), float(mean + reach))


def mean_across_seeds(frame: pd.DataFrame, column: str) -> Interval:
    """Mean of a column in each run, and then over the runs; rows without a number are left out.

    Parameters
    ----------
    frame : DataFrame
        Rounds or trades with ``seed``.
    column : str
    """
    known = frame[np.isfinite(frame[column].to_numpy(dtype=float, na_value=np.nan))]
    return across_seeds(known.groupby("seed")[column].mean().to_numpy(dtype=float))


def blocks_across_seeds(frame: pd.DataFrame, column: str, *, blocks: int = BLOCKS) -> pd.DataFrame:
    """Means of a column in consecutive blocks of rounds, over the runs.

    Returns
    -------
    DataFrame
        ``round`` (the middle of the block, counted from 1), ``mean``, ``low``, ``high``.
    """
    whole("blocks", blocks, minimum=1)
    length = int(frame["round"].max()) + 1 if len(frame) else 0
    width = max(1, -(-length // blocks))
    rows = []
    for block, rows_of in frame.groupby(frame["round"] // width):
        found = mean_across_seeds(rows_of, column)
        first, last = int(block) * width, min(length, (int(block) + 1) * width)
        rows.append({"round": (first + 1 + last) / 2, "mean": found.mean, "low": found.low, "high": found.high})
    return pd.DataFrame(rows, columns=["round", "mean", "low", "high"]).dropna(subset="mean")
