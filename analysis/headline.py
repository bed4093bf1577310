"""Did lying pay? The answer in a word and a sentence: alone, and for those who acted together."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.formatting import percent, rounded
from analysis.summary import groups_summary, not_tried

NO, YES, ONLY_TOGETHER, NOT_KNOWN = "No", "Yes", "Only together", "Not known yet"
NONE_FOUND = "None found"
STYLE_CLASSES = {NO: "no", YES: "yes", ONLY_TOGETHER: "together", NOT_KNOWN: "unknown"}
"""What the style sheets of report and app call the answers."""


@dataclass(frozen=True)
class Headline:
    """The answer, from what was recorded.

    Parameters
    ----------
    verdict : str
        ``NO``, ``YES``, ``ONLY_TOGETHER``, ``NONE_FOUND`` where no lie paid of those that were tried and some were not,
        or ``NOT_KNOWN`` where nobody lied.
    sentence : str
        What was counted; without a full stop.
    misreports, paid : int
        How many lies were tried, and how many of them earned their teller more than her truth would have.
    """

    verdict: str
    sentence: str
    misreports: int
    paid: int

    def __str__(self) -> str:
        return f"{self.verdict}: {self.sentence}."


def headline(trades: pd.DataFrame, groups: pd.DataFrame) -> Headline:
    """Return the answer from the tables of one or several runs.

    Parameters
    ----------
    trades, groups : DataFrame
        ``Results.trades`` and ``Results.groups``.
    """
    lies = trades["misreport_gain"].notna()
    paid = int(trades.loc[lies, "misreport_paid"].astype(bool).sum())
    return headline_from(int(lies.sum()), paid, groups, left_out=int(not_tried(trades).sum()))


def headline_from(misreports: int, paid: int, groups: pd.DataFrame, *, left_out: int = 0) -> Headline:
    """Return the answer from the numbers of lies tried, that paid, and left out, and the recorded groups."""
    if not misreports:
        return Headline(NOT_KNOWN, "nobody lied", 0, 0)
    # An owner under several names is a group of her own: alone, she is among the lies already.
    together = groups[groups["members"] > 1]
    together_tried = together[together["gain"].notna()]
    gained = bool(together_tried["paid"].astype(bool).any())
    all_tried = not left_out and len(together_tried) == len(together)
    verdict = YES if paid else ONLY_TOGETHER if gained else NO if all_tried else NONE_FOUND
    than = "than the truth would have in the same round"
    if left_out:
        many = f"{paid:,}" if paid else "not one"
        alone = f"{many} of {misreports:,} lies tried of {misreports + left_out:,} earned more {than}"
    elif len(together) and not paid:
        alone = f"alone no lie paid (0 of {misreports:,})"
    elif misreports == 1:
        alone = f"the only lie earned {'' if paid else 'no '}more {than}"
    else:
        alone = f"{f'{paid:,}' if paid else 'not one'} of {misreports:,} lies earned more {than}"
    return Headline(verdict, "; ".join([alone, *_together(together)]), misreports, paid)


def _together(groups: pd.DataFrame) -> list[str]:
    """What each strategy's groups earned together, in a clause each, and how many of them were tried."""
    left_out = len(groups) - int(groups["gain"].notna().sum())
    if left_out:
        return [
            *_together(groups[groups["gain"].notna()]),
            f"{len(groups) - left_out:,} groups tried of {len(groups):,}",
        ]
    one_at_most = groups.groupby([c for c in ("seed", "buyer", "round", "strategy") if c in groups]).size().max() == 1
    clauses = []
    for row in groups_summary(groups).itertuples():
        name = {"collusion-ring": "ring"}.get(row.strategy, f"group of {row.strategy}" if one_at_most else "")
        who, them = (f"the {name} together", "it") if one_at_most else (_plural(row.strategy), "them")
        # A gain in some rounds that is lost in others is neither hidden nor called one.
        at_times = f"gained in {row.paid:,} of {row.groups:,} cases, but in sum " if row.paid and row.gain <= 0 else ""
        clauses.append(f"{who} {at_times}earned {_compared(row.gain, row.ratio, row.truthful_utility, them)}")
    return clauses


def _plural(strategy: str) -> str:
    return "the rings together" if strategy == "collusion-ring" else f"the groups of {strategy} together"


def _compared(gain: float, ratio: float, truth: float, them: str) -> str:
    would = f"than the truth would have brought {them}"
    if gain == 0:
        return f"what the truth would have brought {them}"
    way = "more" if gain > 0 else "less"
    if truth > 0:
        return f"{percent(abs(ratio))} {way} {would}"
    return f"{rounded(abs(gain))} {way} {would}"
