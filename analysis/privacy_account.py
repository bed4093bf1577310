"""What is said about the privacy that was spent: one wording for terminal, report and app."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.formatting import counted, rounded

LONG_LOSS = 5
"""Privacy losses that add up to more than this promise nearly nothing."""

NO_NOISE = "All of it: uploads carried no noise, whatever privacy loss was sold."


def privacy_sentences(spent: Mapping[str, Any], account: Mapping[str, Any]) -> list[str]:
    """What the owners of a market gave away, and which of the two totals holds.

    Parameters
    ----------
    spent : mapping
        ``analysis.summary.privacy_spent``.
    account : mapping
        ``config["privacy_account"]`` of the run.
    """
    if account["holds"] == "none":
        return [NO_NOISE]
    approximate = f", each with deltas that add up to at most {rounded(spent['delta_largest'])}"
    sums = (
        f"Privacy losses add up over the rounds: {rounded(spent['median'])} for the median of the "
        f"{counted(spent['sold'], 'owner')} who sold, {rounded(spent['largest'])} at most (at most "
        f"{rounded(spent['largest_in_a_round'])} in one round){approximate if spent['delta_largest'] else ''}."
    )
    total = (
        f"Composed tightly, with delta = {account['delta']:g}: {rounded(spent['total_median'])} for the median, "
        f"{rounded(spent['total_largest'])} at most."
    )
    if math.isinf(spent["total_largest"]):
        total += " It is infinite where an owner's uploads claim deltas that add up to more."
    which = f"In this run {account['reason']}."
    held = spent["total_largest"] if account["holds"] == "total" else spent["largest"]
    worth = (
        "Losses this large promise nearly nothing to an owner against whoever keeps all her uploads; "
        "lifetime_allowance bounds the sum."
        if held > LONG_LOSS
        else "What holds is a guarantee against whoever keeps all of an owner's uploads."
    )
    return [sums, f"{total} {which}", worth]
