"""What an auction claims, and what became of each claim in the market at hand: kept, broken, or not tried.

A claim is the auction's. That it was kept here is a count of recorded cases; where none was recorded, nothing is said.
Claims that a counterexample refutes, and those of planted cheats, are named so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.formatting import counted, rounded

KEPT, BROKEN, NOT_TRIED = "kept", "broken", "not tried"
CLAIMED, NOT_CLAIMED, ASSUMED = "claimed", "not claimed", "assumed"
REFUTED, PLANTED = "claimed, refuted by a counterexample", "claimed by a planted cheat"
FIELDS = ("valuation", "privacy_budget", "data_size")
COLUMNS = ("promise", "claim", "here", "cases", "broken", "worst", "unit")
SOLD = ["privacy_loss", "reported_privacy_budget", "records", "reported_data_size"]


def promises(
    guarantees: Mapping[str, Any],
    rounds: pd.DataFrame,
    trades: pd.DataFrame,
    identities: pd.DataFrame | None = None,
    groups: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per promise that an auction can make, and two for what none of them promises.

    Parameters
    ----------
    guarantees : mapping
        ``config["auction"]["guarantees"]`` of a run: ``truthful_in``, ``verified`` (lists of fields),
        ``individually_rational``, ``budget_feasible``, ``cannot_overstate``, ``planted``, ``refuted``.
    rounds, trades : DataFrame
        Of one or several runs of one market.
    identities : DataFrame, optional
        Of the same runs: what owners under several names offered, name by name. Without it theirs are left out.
    groups : DataFrame, optional
        Of the same runs: owners who acted together.

    Returns
    -------
    DataFrame
        ``promise, claim`` (one of ``CLAIMED``, ``REFUTED``, ``PLANTED``, ``NOT_CLAIMED``, ``ASSUMED``), ``here``
        (``KEPT``, ``BROKEN``, ``NOT_TRIED``), ``cases`` (recorded ones in which it could have been broken), ``broken``
        (in how many it was), ``worst`` (by how much at most; 0 where it was not) and its ``unit``.
    """
    own_claim = PLANTED if guarantees["planted"] else REFUTED if guarantees["refuted"] else CLAIMED
    sold = trades.loc[trades["identities"] == 1, SOLD]
    if identities is not None and len(identities):
        sold = pd.concat([sold, identities[SOLD]], ignore_index=True)
    truthful = trades[trades["truthful"].astype(bool)]
    claimed = own_claim if guarantees["truthful_in"] else NOT_CLAIMED
    rational = CLAIMED if guarantees["individually_rational"] else NOT_CLAIMED
    feasible = CLAIMED if guarantees["budget_feasible"] else NOT_CLAIMED
    opened = rounds[rounds["bidders"] > 0]
    more_privacy = sold["privacy_loss"] - sold["reported_privacy_budget"]
    more_records = sold["records"] - sold["reported_data_size"]
    several = trades[trades["misreport_gain"].notna() & (trades["identities"] > 1)]
    rows = [
        _row(_no_lie_pays(guarantees["truthful_in"]), claimed, _gains(guarantees, trades), "money"),
        _row("no truthful bidder loses", rational, -truthful["utility"], "money"),
        _row("the budget is kept", feasible, opened["spent"] - opened["budget"], "money"),
        # The market refuses outcomes that break these two: every auction promises them.
        _row("nobody sells more privacy than she offered", CLAIMED, more_privacy, "privacy loss"),
        _row("nobody sells more records than she offered", CLAIMED, more_records, "records"),
        _row("nobody gains under several names", NOT_CLAIMED, _paid(several), "money"),
        _row("no group gains together", NOT_CLAIMED, _gains_together(groups), "money"),
    ]
    if guarantees.get("cannot_overstate"):
        single = trades[trades["identities"] == 1]
        more = single["reported_data_size"] - single["data_size"]
        rows.insert(1, _row("nobody reports more records than she has", ASSUMED, more, "records"))
    return pd.DataFrame(rows, columns=COLUMNS)


def promises_sentence(table: pd.DataFrame) -> str:
    """Which claims were broken here, or that none was, and which were not tried; ``table`` as of ``promises``."""
    claimed = table[~table["claim"].isin((NOT_CLAIMED, ASSUMED))]
    broken = [
        f"{row.promise} (broken in {row.broken:,} of {counted(row.cases, 'case')}, by {rounded(row.worst)} at most)"
        for row in claimed[claimed["here"] == BROKEN].itertuples()
    ]
    if broken:
        said = f"Claims broken here: {'; '.join(broken)}."
    elif (claimed["here"] == KEPT).any():
        said = "No claim of the auction was broken here."
    else:
        said = "No claim of the auction was tried here."
    untried = claimed.loc[claimed["here"] == NOT_TRIED, "promise"]
    return f"{said} Not tried: {', '.join(untried)}." if len(untried) and (claimed["here"] != NOT_TRIED).any() else said


def tried_or_claimed(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``promises`` that say something: what was neither claimed nor tried is left out."""
    return table[(table["claim"] != NOT_CLAIMED) | (table["here"] != NOT_TRIED)]


def changed_fields(trades: pd.DataFrame) -> pd.DataFrame:
    """Which fields of every bid differ from the type: a column of booleans per field.

    Curves that are no family leave no factor to compare: a misreport of such an owner counts as one of her valuation,
    unless it changed another field.
    """
    smaller = {
        name: trades[f"reported_{name}"].to_numpy() != trades[name].to_numpy()
        for name in ("privacy_budget", "data_size")
    }
    known = (trades["family"].notna() & trades["reported_family"].notna()).to_numpy(dtype=bool)
    family = trades["reported_family"].to_numpy() != trades["family"].to_numpy()
    factor = trades["reported_factor"].to_numpy(dtype=float) != trades["factor"].to_numpy(dtype=float)
    otherwise = ~(smaller["privacy_budget"] | smaller["data_size"])
    lied = ~trades["truthful"].to_numpy(dtype=bool)
    return pd.DataFrame(
        {"valuation": lied & np.where(known, family | factor, otherwise), **smaller}, index=trades.index
    )


def _no_lie_pays(fields: list[str]) -> str:
    """The promise with the fields that it is about."""
    named = [name.replace("_", " ") for name in FIELDS if name in fields]
    about = "" if len(named) in (0, len(FIELDS)) else f" about {' and '.join(named)}"
    return f"no lie{about} under one name pays"


def _gains(guarantees: Mapping[str, Any], trades: pd.DataFrame) -> pd.Series:
    """What each misreport that the claim is about gained, 0 where it did not pay; without a claim, what each did."""
    lies = trades[trades["misreport_gain"].notna() & (trades["identities"] == 1)]
    outside = [name for name in FIELDS if name not in guarantees["truthful_in"]]
    if guarantees["truthful_in"]:
        lies = lies[~changed_fields(lies)[outside].any(axis=1)]
    return _paid(lies)


def _paid(lies: pd.DataFrame) -> pd.Series:
    """Gains of those lies that paid, 0 of the others."""
    return lies["misreport_gain"].where(lies["misreport_paid"].astype(bool), 0.0)


def _gains_together(groups: pd.DataFrame | None) -> pd.Series:
    """What each group of several owners gained, 0 where it did not pay."""
    if groups is None:
        return pd.Series(dtype=float)
    together = groups[(groups["members"] > 1) & groups["gain"].notna()]
    return together["gain"].where(together["paid"].astype(bool), 0.0)


def _row(promise: str, claim: str, excess: pd.Series, unit: str) -> dict[str, Any]:
    """A promise from how far each case went beyond it (at most 0: kept)."""
    broken = int((excess > 0).sum())
    here = NOT_TRIED if not len(excess) else BROKEN if broken else KEPT
    worst = float(excess.max()) if broken else 0.0
    return dict(zip(COLUMNS, (promise, claim, here, len(excess), broken, worst, unit), strict=True))
