"""What each run of a sweep came to: one row per run, read from the data set one run at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.summary import cost_at_own_budget, group_aware_gains, stands_for, without_rounding
from market_sim.sweeps.dataset import Sweep

ROWS = 1 << 16
"""Rows read at a time."""


@dataclass(frozen=True)
class Measure:
    """A number that every run has.

    Parameters
    ----------
    name, unit : str
    """

    name: str
    unit: str


MEASURES: Mapping[str, Measure] = {
    "test_accuracy": Measure("test accuracy after the last round", "share of the test set"),
    "error_bound": Measure("error bound of valid rounds", "L² per coordinate"),
    "invalid": Measure("invalid rounds", "% of rounds"),
    "spent": Measure("spent of the budget", "% of all rounds' budgets"),
    "sellers": Measure("sellers", "uploads per round"),
    "surplus": Measure("owners' surplus", "money per round"),
    "gain": Measure("gain per lie, groups as one", "% of her cost of all she has"),
    "paid": Measure("lies that paid", "% of lies"),
}
"""Every measure by its column."""

_ROUNDS = ("round", "buyer", "budget", "spent", "sellers", "invalid", "error_bound", "test_accuracy", "owner_surplus")
_TRADES = (
    "round", "buyer", "group", "own_cost", "payment", "cost", "truthful_payment", "misreport_gain", "misreport_paid",
    "stands_for",
)  # fmt: skip
_GROUPS = ("round", "buyer", "group", "members", "gain", "paid", "utility", "truthful_utility")


def measured(sweep: Sweep) -> pd.DataFrame:
    """Return what every run came to.

    Parameters
    ----------
    sweep : Sweep

    Returns
    -------
    DataFrame
        ``key, cell, seed``, the varied fields, and the columns of ``MEASURES``; what a run does not have (no lie, no
        valid round) is missing.
    """
    found = {run: _of_rounds(frame) for run, frame in _runs(sweep, "rounds", _ROUNDS)}
    groups = dict(_runs(sweep, "groups", _GROUPS))
    for run, trades in _runs(sweep, "trades", _TRADES):
        found[run] |= _of_trades(trades, groups.get(run))
    runs = sweep.runs
    rows = [found.get((row.cell, row.seed), {}) for row in runs[["cell", "seed"]].itertuples(index=False)]
    return pd.concat([runs, pd.DataFrame(rows, columns=list(MEASURES), dtype=float)], axis=1)


def _runs(sweep: Sweep, table: str, columns: Sequence[str]) -> Iterator[tuple[tuple[str, int], pd.DataFrame]]:
    """The rows of one run after another, which is how they lie in the file."""
    current: tuple[str, int] | None = None
    held: list[pa.RecordBatch] = []
    for batch in sweep.dataset(table).to_batches(columns=["cell", "seed", *columns], batch_size=ROWS):
        cells, seeds = batch.column("cell").to_numpy(zero_copy_only=False), batch.column("seed").to_numpy()
        edges = np.flatnonzero((cells[1:] != cells[:-1]) | (seeds[1:] != seeds[:-1])) + 1
        bounds = [0, *edges.tolist(), len(batch)] if len(batch) else []
        for start, end in itertools.pairwise(bounds):
            run = (str(cells[start]), int(seeds[start]))
            if current is not None and run != current:
                yield current, pa.Table.from_batches(held).to_pandas()
                held = []
            current = run
            held.append(batch.slice(start, end - start))
    if current is not None:
        yield current, pa.Table.from_batches(held).to_pandas()


def _of_rounds(rounds: pd.DataFrame) -> dict[str, float]:
    valid = rounds.loc[~rounds["invalid"], "error_bound"]
    last = rounds.loc[rounds["round"] == rounds["round"].max(), "test_accuracy"]
    budget = float(rounds["budget"].sum())
    return {
        "test_accuracy": float(last.mean()),
        "error_bound": float(valid.mean()) if len(valid) else float("nan"),
        "invalid": 100 * float(rounds["invalid"].mean()),
        "spent": 100 * float(rounds["spent"].sum()) / budget if budget > 0 else float("nan"),
        "sellers": float(rounds["sellers"].mean()),
        "surplus": float(without_rounding(rounds["owner_surplus"], rounds["spent"]).mean()),
    }


def _of_trades(trades: pd.DataFrame, groups: pd.DataFrame | None) -> dict[str, float]:
    lies = trades["misreport_gain"].notna()
    if not lies.any():
        return {}
    weights = stands_for(trades)[lies]
    gains = (group_aware_gains(trades, groups) / cost_at_own_budget(trades))[lies]
    return {
        "gain": _weighted(100 * gains, weights),
        "paid": _weighted(100.0 * trades.loc[lies, "misreport_paid"].astype(float), weights),
    }


def _weighted(values: pd.Series, weights: pd.Series) -> float:
    """Mean over all lies, of which those that were tried stand for the others."""
    known = values.notna()
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")
