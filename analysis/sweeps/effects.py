"""What the settings of a sweep change: differences of the same seeds, with intervals."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from agents.checks import one_of
from analysis.intervals import across_seeds
from analysis.sweeps.measures import MEASURES

CELLS = ("cell", "measure", "unit", "seeds", "mean", "low", "high")
DIFFERENCES = ("cell", "baseline", "measure", "unit", "seeds", "difference", "low", "high")
EFFECTS = ("field", "value", "baseline", "measure", "unit", "seeds", "difference", "low", "high")


def cell_means(measured: pd.DataFrame, measures: Iterable[str] = tuple(MEASURES)) -> pd.DataFrame:
    """Mean of each measure in each cell, with Student's 95 % interval over the seeds.

    Parameters
    ----------
    measured : DataFrame
        From ``measured``.
    measures : iterable of str

    Returns
    -------
    DataFrame
        ``cell, measure, unit, seeds, mean, low, high``; a measure that no run of a cell has is left out.
    """
    rows = []
    for cell, runs in measured.groupby("cell", sort=False):
        for name in measures:
            known = runs[one_of("measure", name, MEASURES)].dropna()
            if len(known):
                found = across_seeds(known.to_numpy(dtype=float))
                rows.append((cell, name, MEASURES[name].unit, len(known), found.mean, found.low, found.high))
    return pd.DataFrame(rows, columns=list(CELLS))


def paired_differences(
    measured: pd.DataFrame, baseline: str | None = None, measures: Iterable[str] = tuple(MEASURES)
) -> pd.DataFrame:
    """Difference of each cell from one of them, seed by seed, with Student's 95 % interval over the seeds.

    Both have drawn the same owners, orders and noise from a seed, so that what these do cancels.

    Parameters
    ----------
    measured : DataFrame
        From ``measured``.
    baseline : str, optional
        The cell compared with; by default the first.
    measures : iterable of str

    Returns
    -------
    DataFrame
        ``cell, baseline, measure, unit, seeds, difference, low, high``.
    """
    cells = list(dict.fromkeys(measured["cell"]))
    first = cells[0] if baseline is None else one_of("baseline", baseline, cells)
    by_seed = {cell: runs.set_index("seed") for cell, runs in measured.groupby("cell", sort=False)}
    rows = []
    for cell in cells:
        for name in measures if cell != first else ():
            each = (by_seed[cell][one_of("measure", name, MEASURES)] - by_seed[first][name]).dropna()
            if len(each):
                found = across_seeds(each.to_numpy(dtype=float))
                rows.append((cell, first, name, MEASURES[name].unit, len(each), found.mean, found.low, found.high))
    return pd.DataFrame(rows, columns=list(DIFFERENCES))


def effects(measured: pd.DataFrame, varied: Iterable[str], measures: Iterable[str] = tuple(MEASURES)) -> pd.DataFrame:
    """What every value of a varied field changes against the field's first value, all other fields being equal.

    Of one seed the differences are averaged over the other fields' values; the interval is Student's over the seeds.

    Parameters
    ----------
    measured : DataFrame
        From ``measured``.
    varied : iterable of str
        Fields, columns of ``measured``.
    measures : iterable of str

    Returns
    -------
    DataFrame
        ``field, value, baseline, measure, unit, seeds, difference, low, high``. Combinations that one of the two values
        lacks are left out.
    """
    fields = list(varied)
    rows = []
    for field in fields:
        others = [name for name in fields if name != field]
        values = list(dict.fromkeys(measured[field]))
        place = pd.MultiIndex.from_frame(measured[["seed", *others]].astype({name: str for name in others}))
        for value in values[1:]:
            for name in measures:
                column = measured[one_of("measure", name, MEASURES)].set_axis(place)
                one, other = (column[(measured[field] == each).to_numpy()] for each in (value, values[0]))
                if not (one.index.is_unique and other.index.is_unique):
                    continue
                each = (one - other).dropna()
                if len(each):
                    seeds = each.groupby(level="seed").mean()
                    found = across_seeds(seeds.to_numpy(dtype=float))
                    rows.append(
                        (field, value, values[0], name, MEASURES[name].unit, len(seeds),
                         found.mean, found.low, found.high)
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=list(EFFECTS))
