"""Which columns of a run cannot be recomputed, and in which rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_sim.model import FLMarket
from market_sim.verification.replay_plan import ReplayPlan
from market_sim.verification.without_learning import MarketWithoutLearning

Columns = dict[str, dict[str, list[Any]]]
"""Recomputed tables: columns by table and name."""

Excused = dict[tuple[str, str], tuple[NDArray[np.bool_], str]]
"""By table and column: rows that cannot be recomputed ``bool[rows]``, and why."""

LEARNED: dict[str, tuple[str, ...]] = {
    "rounds": ("test_accuracy", "test_loss", "macro_f1", "balanced_accuracy"),
    "trades": ("unusable_records",),
    "confusion": ("records",),
}
"""Columns that only the learning brings about."""

DECIDED: dict[str, tuple[str, ...]] = {
    "trades": (
        "group",
        "identities",
        "reported_family",
        "reported_factor",
        "reported_privacy_budget",
        "reported_data_size",
        "transfer",
        "privacy_spent",
        "delta_spent",
        "privacy_total",
    ),
    "identities": (
        "held",
        "reported_family",
        "reported_factor",
        "reported_privacy_budget",
        "reported_data_size",
    ),
    "curves": ("level", "cost"),
}
"""Columns that hold an owner's own decisions."""

SOLD: dict[str, tuple[str, ...]] = {
    "trades": ("privacy_loss", "records", "payment"),
    "identities": ("privacy_loss", "records", "payment"),
}
"""Columns that hold the auction's decision."""

OTHERWISE: dict[str, tuple[str, ...]] = {
    "rounds": (
        "misreports_tried",
        "misreport_gain_mean",
        "misreport_gain_low",
        "misreport_gain_high",
        "misreport_gain_max",
        "group_gain_sum",
        "group_gain_max",
        "truthful_error_bound",
        "truthful_spent",
        "truthful_sellers",
        "truthful_owner_surplus",
        "truthful_honest_surplus",
    ),
    "trades": (
        "truthful_utility",
        "truthful_payment",
        "counterfactual",
        "stands_for",
        "misreport_gain",
        "misreport_paid",
    ),
    "groups": ("truthful_utility", "counterfactual", "gain", "paid"),
}
"""Columns that hold what the auction would have decided on other bids."""

ORDER: dict[str, tuple[str, ...]] = {
    "trades": ("identities", "position"),
    "identities": ("identity", "position", "held"),
}
"""Columns that hold under which names and where in the order of the bids the owners appeared."""

NOISE: dict[str, tuple[str, ...]] = {"rounds": ("error_bound", "buyer_utility", "welfare")}
"""Columns that follow from the noise that owners really added."""


def not_recomputed(columns: Columns, plan: ReplayPlan, model: FLMarket, learned: str | None) -> Excused:
    """Which values cannot be recomputed, and why.

    Parameters
    ----------
    columns : dict
        As recomputed.
    plan : ReplayPlan
    model : FLMarket
        After it was played.
    learned : str or None
        Why the learning was not repeated; None if it was.
    """
    excused: Excused = {}

    def excuse(names: dict[str, tuple[str, ...]], rows: Callable[[str], NDArray[np.bool_]], why: str) -> None:
        for table, members in names.items():
            mask = rows(table)
            for column in members if mask.any() else ():
                before, reason = excused.get((table, column), (np.zeros_like(mask), why))
                excused[table, column] = before | mask, reason

    def everywhere(table: str) -> NDArray[np.bool_]:
        return np.ones(len(columns[table]["round"]), dtype=bool)

    if learned is not None:
        excuse(LEARNED, everywhere, learned)
    if plan.unknown_auction is not None:
        excuse(SOLD, everywhere, plan.unknown_auction)
        excuse(OTHERWISE, everywhere, plan.unknown_auction)
    if not isinstance(model, MarketWithoutLearning) or not plan.unknown:
        return excused
    trades, why = columns["trades"], "; ".join(dict.fromkeys(plan.unknown.values()))
    rows = zip(trades["round"], trades["owner"], trades["strategy"], strict=True)
    owners = {(round, owner) for round, owner, strategy in rows if strategy in plan.unknown}

    def decided(table: str) -> NDArray[np.bool_]:
        theirs = _places(columns[table], owners, "owner")
        if table == "curves":  # A true curve has no position.
            theirs &= np.array([position is not None for position in columns[table]["position"]], dtype=bool)
        return theirs

    excuse(DECIDED, decided, why)
    excuse(ORDER, lambda table: _places(columns[table], model.order_recorded, "buyer"), why)
    excuse(NOISE, lambda table: _places(columns[table], model.noise_unknown, "buyer"), why)
    return excused


def _places(columns: Mapping[str, list[Any]], those: set[tuple[Any, Any]], key: str) -> NDArray[np.bool_]:
    """Which rows of a table belong to one of ``those`` (round, ``key``) pairs."""
    return np.array([pair in those for pair in zip(columns["round"], columns[key], strict=True)], dtype=bool)
