"""The tables of a run and their columns: what a round, a bid, a group, an identity and a curve leave behind."""

from __future__ import annotations

import pyarrow as pa

ROUNDS = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("auction", pa.string()),
        ("aggregation", pa.string()),
        ("budget", pa.float64()),
        ("spent", pa.float64()),
        ("bidders", pa.int64()),
        ("sellers", pa.int64()),
        ("invalid", pa.bool_()),
        ("error_bound", pa.float64()),
        ("error_bound_first_best", pa.float64()),
        ("test_accuracy", pa.float64()),
        ("test_loss", pa.float64()),
        ("macro_f1", pa.float64()),
        ("balanced_accuracy", pa.float64()),
        ("owner_surplus", pa.float64()),
        ("honest_surplus", pa.float64()),
        ("buyer_utility", pa.float64()),
        ("welfare", pa.float64()),
        ("misreports", pa.int64()),
        ("misreports_tried", pa.int64()),
        ("misreport_gain_mean", pa.float64()),
        ("misreport_gain_low", pa.float64()),
        ("misreport_gain_high", pa.float64()),
        ("misreport_gain_max", pa.float64()),
        ("ir_violations", pa.int64()),
        ("truthful_share", pa.float64()),
        ("privacy_loss_mean", pa.float64()),
        ("payment_gini", pa.float64()),
        ("group_gain_sum", pa.float64()),
        ("group_gain_max", pa.float64()),
        ("truthful_error_bound", pa.float64()),
        ("truthful_spent", pa.float64()),
        ("truthful_sellers", pa.int64()),
        ("truthful_owner_surplus", pa.float64()),
        ("truthful_honest_surplus", pa.float64()),
    ]
)
"""One row per buyer and round; ``truthful_…`` is what would have come of it had everybody told the truth.

``honest_surplus`` is that of the bidders who did tell it. ``misreports_tried`` of the ``misreports`` were compared with
the truth: ``misreport_gain_mean`` is that of all, between ``_low`` and ``_high`` (95 %) where some were left out, and
``misreport_gain_max`` is at least that of all.
"""

TRADES = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("owner", pa.int64()),
        ("strategy", pa.string()),
        ("truthful", pa.bool_()),
        ("group", pa.int64()),
        ("identities", pa.int64()),
        ("position", pa.int64()),
        ("family", pa.string()),
        ("factor", pa.float64()),
        ("reported_family", pa.string()),
        ("reported_factor", pa.float64()),
        ("report_ratio", pa.float64()),
        ("privacy_budget", pa.float64()),
        ("reported_privacy_budget", pa.float64()),
        ("data_size", pa.int64()),
        ("reported_data_size", pa.int64()),
        ("own_cost", pa.float64()),
        ("cost", pa.float64()),
        ("reported_cost", pa.float64()),
        ("privacy_loss", pa.float64()),
        ("records", pa.int64()),
        ("payment", pa.float64()),
        ("transfer", pa.float64()),
        ("utility", pa.float64()),
        ("truthful_utility", pa.float64()),
        ("truthful_payment", pa.float64()),
        ("counterfactual", pa.string()),
        ("stands_for", pa.float64()),
        ("misreport_gain", pa.float64()),
        ("misreport_paid", pa.bool_()),
        ("privacy_spent", pa.float64()),
        ("delta_spent", pa.float64()),
        ("privacy_total", pa.float64()),
        ("unusable_records", pa.int64()),
    ]
)
"""One row per bidder, buyer and round.

``counterfactual`` says how it was found what the truth would have brought a liar: ``rerun`` of the auction, ``shared``
(from work that many reruns share, or her price list), or ``none``: there were too many, and what the truth would have
brought her is missing. Each of those tried ``stands_for`` so many lies of her round. ``group`` is missing for whoever
acts alone; ``position`` is the row of her first identity among the round's bids.

Of all her uploads so far, ``privacy_spent`` and ``delta_spent`` are the plain sums of the losses sold and of the deltas
claimed, and ``privacy_total`` is the tight total at the delta of the market, which holds where no loss depends on an
upload (``config.json`` says whether: ``privacy_account``).
"""

GROUPS = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("group", pa.int64()),
        ("strategy", pa.string()),
        ("members", pa.int64()),
        ("utility", pa.float64()),
        ("truthful_utility", pa.float64()),
        ("counterfactual", pa.string()),
        ("gain", pa.float64()),
        ("paid", pa.bool_()),
        ("transfers", pa.float64()),
    ]
)
"""One row per group of owners who acted together, beside the same group telling the truth, all others as they bid."""

IDENTITIES = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("owner", pa.int64()),
        ("identity", pa.int64()),
        ("position", pa.int64()),
        ("held", pa.int64()),
        ("reported_family", pa.string()),
        ("reported_factor", pa.float64()),
        ("reported_privacy_budget", pa.float64()),
        ("reported_data_size", pa.int64()),
        ("privacy_loss", pa.float64()),
        ("records", pa.int64()),
        ("payment", pa.float64()),
    ]
)
"""One row per identity of every owner who bid under several; ``held`` are the records it really has."""

CURVES = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("owner", pa.int64()),
        ("position", pa.int64()),
        ("level", pa.float64()),
        ("cost", pa.float64()),
    ]
)
"""Valuations that belong to no family, a row per level; those with a position were reported, the others are true."""

CONFUSION = pa.schema(
    [
        ("round", pa.int64()),
        ("buyer", pa.int64()),
        ("label", pa.string()),
        ("named", pa.string()),
        ("records", pa.int64()),
    ]
)
"""Of each buyer's model after her last round: how many test records of every class it names what."""

ROUND_TABLES: dict[str, pa.Schema] = {
    "rounds": ROUNDS,
    "trades": TRADES,
    "groups": GROUPS,
    "identities": IDENTITIES,
    "curves": CURVES,
}
"""Tables to which every round adds rows, by name."""

TABLES: dict[str, pa.Schema] = {**ROUND_TABLES, "confusion": CONFUSION}
"""All tables of a run, by name."""
