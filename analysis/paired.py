"""The market beside itself with everybody telling the truth: who pays for the lies, and whether the learning survives.

Who pays is answered round by round: the table of the rounds holds what would have come of the same round, from the
same model and budget. Whether the learning survives needs a second run of the same seed without a lie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.formatting import accuracy, counted, fixed, with_interval
from analysis.intervals import CLUSTER, Interval, across_seeds, clustered_mean, ratio_ends, resamples
from analysis.summary import final_accuracy, without_rounding

BOUND, SPENT, SURPLUS, HONEST = "error bound", "spent", "owners' surplus", "surplus of those who told the truth"
BOUND_UNIT = "L² per coordinate; change: ratio"
MONEY = "money per round"
DIFFERENCES = (
    (SPENT, "spent", MONEY),
    ("sellers", "sellers", "uploads per round"),
    (SURPLUS, "owner_surplus", MONEY),
    (HONEST, "honest_surplus", MONEY),
)
"""Quantities that are compared by their difference, their columns and units."""
COLUMNS = ("quantity", "unit", "actual", "truthful", "change", "low", "high")
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class WhoPays:
    """What all lies of the rounds together cost or brought, against everybody's truth in the same rounds.

    Parameters
    ----------
    rounds : int
        Rounds in which somebody lied; all figures are about these.
    table : DataFrame
        ``quantity, unit, actual, truthful`` (means over these rounds, as they were and under the truth of all),
        ``change, low, high``: their difference and its 95 % interval; of the error bound, over the rounds valid either
        way, the ratio. Owners' surplus is that of all, liars included.
    invalid, truthful_invalid : int
        Rounds in which nobody sold, and in which nobody would have.
    sentences : tuple of str
    """

    rounds: int
    table: pd.DataFrame
    invalid: int
    truthful_invalid: int
    sentences: tuple[str, ...]

    @property
    def error_bound(self) -> Interval:
        """Ratio of the mean error bound to that of everybody's truth."""
        return self._change(BOUND)

    @property
    def spent(self) -> Interval:
        """What the buyer paid more than under everybody's truth, money per round."""
        return self._change(SPENT)

    @property
    def owner_surplus(self) -> Interval:
        """What all owners together kept more than under everybody's truth, money per round."""
        return self._change(SURPLUS)

    @property
    def honest_surplus(self) -> Interval:
        """What the owners who told the truth kept more than if all had told it, money per round."""
        return self._change(HONEST)

    def _change(self, quantity: str) -> Interval:
        if not self.rounds:
            return UNKNOWN
        row = self.table.set_index("quantity").loc[quantity]
        return Interval(float(row["change"]), float(row["low"]), float(row["high"]))


@dataclass(frozen=True)
class LearningSurvives:
    """The last round's test accuracy beside that of the same seed with everybody telling the truth.

    Parameters
    ----------
    runs : int
        Seeds played both ways; 0 if the truthful market was not played.
    accuracy, truthful_accuracy : float
        Means over these seeds.
    difference : Interval
        With lies less without, Student's interval over the seeds.
    sentence : str
    """

    runs: int
    accuracy: float
    truthful_accuracy: float
    difference: Interval
    sentence: str


def who_pays(rounds: pd.DataFrame, *, draws: int = 2000, seed: int = 0) -> WhoPays:
    """Return what the lies together cost the buyer and the owners; ``rounds`` of one or several runs, with ``seed``."""
    lied = rounds[rounds["truthful_share"] < 1]
    if not len(lied):
        return WhoPays(0, pd.DataFrame(columns=COLUMNS), 0, 0, ("Nobody lied, so nobody paid for a lie.",))
    rows = [
        _ratio_row(lied[np.isfinite(lied["error_bound"]) & np.isfinite(lied["truthful_error_bound"])], draws, seed),
        *(_difference_row(lied, *named, draws, seed) for named in DIFFERENCES),
    ]
    invalid, truthful_invalid = int((lied["sellers"] == 0).sum()), int((lied["truthful_sellers"] == 0).sum())
    found = WhoPays(len(lied), pd.DataFrame(rows, columns=COLUMNS), invalid, truthful_invalid, ())
    sentences = (
        f"Against everybody's truth in the same {counted(len(lied), 'round')}, the buyer "
        f"{_money(found.spent, 'paid')}{_bound(found.error_bound)}{_invalid(invalid, truthful_invalid)}.",
        f"The owners who told the truth {_money(found.honest_surplus, 'kept')}; all together, those who lied included, "
        f"{_money(found.owner_surplus, 'kept')}.",
    )
    return replace(found, sentences=sentences)


def learning_survives(rounds: pd.DataFrame, paired_rounds: pd.DataFrame | None) -> LearningSurvives:
    """Compare the last test accuracies of runs with those of the same seeds in which everybody tells the truth.

    Parameters
    ----------
    rounds : DataFrame
        Rounds of the runs, with ``seed``.
    paired_rounds : DataFrame or None
        Rounds of the same market with everybody truthful, with ``seed``; None if it was not played.
    """
    nothing = float("nan")
    if not (rounds["truthful_share"] < 1).any():
        return LearningSurvives(0, nothing, nothing, UNKNOWN, "Nobody lied: there was nothing to survive.")
    both = pd.concat([final_accuracy(rounds), _accuracy_without_lies(paired_rounds)], axis=1, join="inner").dropna()
    if both.empty:
        said = "Whether the learning survives is not known: this market was not played with everybody truthful."
        return LearningSurvives(0, nothing, nothing, UNKNOWN, said)
    lying, truth = both.to_numpy(dtype=float).T
    found = across_seeds(lying - truth)
    several = len(both) > 1
    change = with_interval(found.mean, found.low, found.high) if several else fixed(found.mean, 2)
    how = "95 % interval" if several else "one seed has no interval"
    said = (
        f"Test accuracy after the last round: {accuracy(lying.mean())} with the lies, {accuracy(truth.mean())} with "
        f"everybody truthful; difference {change} over {counted(len(both), 'seed')} ({how})."
    )
    return LearningSurvives(len(both), float(lying.mean()), float(truth.mean()), found, said)


def _accuracy_without_lies(paired_rounds: pd.DataFrame | None) -> pd.Series:
    if paired_rounds is None or not len(paired_rounds):
        return pd.Series(dtype=float)
    return final_accuracy(paired_rounds)


def _ratio_row(valid: pd.DataFrame, draws: int, seed: int) -> tuple[Any, ...]:
    """The error bound: sums over the rounds, as a ratio."""
    top, bottom = valid["error_bound"], valid["truthful_error_bound"]
    if not bottom.sum() > 0:
        return BOUND, BOUND_UNIT, *[float("nan")] * 5
    found = ratio_ends("", top, bottom, resamples(len(top), seed, draws), bounds=(0.0, np.inf))
    return (
        BOUND,
        BOUND_UNIT,
        top.mean(),
        bottom.mean(),
        top.sum() / bottom.sum(),
        found["low"],
        found["high"],
    )


def _difference_row(
    lied: pd.DataFrame, quantity: str, column: str, unit: str, draws: int, seed: int
) -> tuple[Any, ...]:
    actual, truthful = lied[column].astype(float), lied[f"truthful_{column}"].astype(float)
    change = actual - truthful
    if unit == MONEY:
        change = without_rounding(change, lied["spent"], lied["truthful_spent"])
    found = clustered_mean(change, lied.groupby(CLUSTER).ngroup(), draws=draws, seed=seed)
    return quantity, unit, actual.mean(), truthful.mean(), found.mean, found.low, found.high


def _money(change: Interval, verb: str) -> str:
    """``paid 12 [10, 14] less a round``."""
    if change.mean == 0:
        return f"{verb} the same"
    way = "more" if change.mean > 0 else "less"
    ends = sorted([change.low, change.high]) if change.mean > 0 else sorted([-change.low, -change.high])
    return f"{verb} {with_interval(abs(change.mean), *ends)} {way} a round"


def _bound(ratio: Interval) -> str:
    if not np.isfinite(ratio.mean):
        return ""
    if ratio.mean == 1:
        return " and had the same mean error bound"
    return f" and had {with_interval(ratio.mean, ratio.low, ratio.high)} times the mean error bound"


def _invalid(invalid: int, truthful_invalid: int) -> str:
    if not (invalid or truthful_invalid):
        return ""
    return f"; nobody sold in {counted(invalid, 'round')}, under the truth in {truthful_invalid:,}"
