"""The numbers that sum a market up, each with its unit and interval: terminal, report and app print these alone.

Every quantity has one definition. Shares of money are a ratio of sums, not a mean of ratios: a round with a tenth of
the budget counts a tenth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.intervals import CLUSTER, Interval, clustered_mean, ratio_ends, resamples
from analysis.summary import cost_at_own_budget, final_accuracy, misreport_gains, stands_for, without_rounding

QUANTITIES: dict[str, str] = {
    "test accuracy after the last round": "share of the test set",
    "error bound of valid rounds": "L² per coordinate",
    "invalid rounds": "% of rounds",
    "budget": "money per round",
    "spent": "money per round",
    "spent of the budget": "% of all rounds' budgets",
    "bidders": "owners per round",
    "sellers": "uploads per round",
    "privacy loss of a sale": "ε",
    "owners' surplus": "money per round",
    "gain per lie": "% of her cost of all she has",
    "lies that paid": "% of lies",
}
"""Every quantity and its unit, in the order of the table."""
INTERVALS = "[ ]: 95 % interval, bootstrap of rounds; of the test accuracy, bootstrap of runs (none with one run)."
"""What stands in the brackets."""

DRAWS = 1000
"""Bootstrap samples per quantity."""
ANYWHERE, POSITIVE, SHARE = (-math.inf, math.inf), (0.0, math.inf), (0.0, 100.0)
"""Between which a mean can lie; the share is in per cent."""


def key_figures(rounds: pd.DataFrame, trades: pd.DataFrame) -> pd.DataFrame:
    """Sum one market up.

    Parameters
    ----------
    rounds, trades : DataFrame
        Tables of one or several runs of the same market, with ``seed``.

    Returns
    -------
    DataFrame
        ``quantity, unit, mean, low, high``: means with 95 % bootstrap intervals, over rounds or, for the accuracy,
        over seeds. What nothing is known about (no lie, no sale, one seed) is missing.
    """
    found = dict(_measured(rounds, trades))
    rows = [(name, unit, found[name].mean, found[name].low, found[name].high) for name, unit in QUANTITIES.items()]
    frame = pd.DataFrame(rows, columns=["quantity", "unit", "mean", "low", "high"])
    return frame.replace([np.inf, -np.inf], np.nan)


def _measured(rounds: pd.DataFrame, trades: pd.DataFrame) -> Iterator[tuple[str, Interval]]:
    accuracy = final_accuracy(rounds)
    yield "test accuracy after the last round", _mean(accuracy.to_numpy(), accuracy.index.to_numpy(), ANYWHERE)
    yield "spent of the budget", _ratio(100 * rounds["spent"], rounds["budget"])
    paid = 100.0 * trades.loc[trades["misreport_gain"].notna(), "misreport_paid"].astype(float).reindex(trades.index)
    for name, frame, values, bounds in (
        ("error bound of valid rounds", rounds, rounds["error_bound"].where(~rounds["invalid"]), POSITIVE),
        ("invalid rounds", rounds, 100.0 * rounds["invalid"], SHARE),
        ("budget", rounds, rounds["budget"], POSITIVE),
        ("spent", rounds, rounds["spent"], POSITIVE),
        ("bidders", rounds, rounds["bidders"].astype(float), POSITIVE),
        ("sellers", rounds, rounds["sellers"].astype(float), POSITIVE),
        ("owners' surplus", rounds, without_rounding(rounds["owner_surplus"], rounds["spent"]), ANYWHERE),
        ("privacy loss of a sale", trades, trades["privacy_loss"].where(trades["records"] > 0), POSITIVE),
        ("gain per lie", trades, 100 * misreport_gains(trades) / cost_at_own_budget(trades), ANYWHERE),
        ("lies that paid", trades, paid, SHARE),
    ):
        kept = np.isfinite(values.to_numpy(dtype=float, na_value=math.nan))
        clusters = frame[kept].groupby(CLUSTER).ngroup().to_numpy()
        weights = stands_for(frame[kept]).to_numpy() if name in ("gain per lie", "lies that paid") else None
        yield name, _mean(values.to_numpy(dtype=float)[kept], clusters, bounds, weights)


def _mean(
    values: np.ndarray, clusters: np.ndarray, bounds: tuple[float, float], weights: np.ndarray | None = None
) -> Interval:
    if not len(values):
        return Interval(math.nan, math.nan, math.nan)
    return clustered_mean(values, clusters, draws=DRAWS, bounds=bounds, weights=weights)


def _ratio(top: pd.Series, bottom: pd.Series) -> Interval:
    """Ratio of the sums over the rounds; missing over nothing."""
    if not bottom.sum() > 0:
        return Interval(math.nan, math.nan, math.nan)
    found = ratio_ends("", top, bottom, resamples(len(top), 0, DRAWS), bounds=POSITIVE)
    return Interval(float(top.sum() / bottom.sum()), found["low"], found["high"])
