"""What an evaluation of auctions found: a table, and the few columns of it that are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from agents.showing import Shown, ShowsItself

SHORT = {
    "auction": "mechanism",
    "mean": "error bound",
    "low": "low",
    "high": "high",
    "over_first_best": "over first best",
    "invalid_rate": "invalid",
    "spent": "spent",
    "regret": "regret found, at least",
}
"""Columns that are shown, by their name in the table."""


@dataclass(frozen=True, repr=False)
class Evaluation(ShowsItself):
    """What ``evaluate`` found; printed, the figures at the last budget factor.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per budget factor and mechanism (``analysis.evaluation.evaluate`` says which columns).
    settings : mapping
        What was measured, and on how many profiles.
    """

    table: pd.DataFrame
    settings: Mapping[str, object]

    def shown(self) -> Shown:
        """The last budget factor, a row per mechanism."""
        if not len(self.table):
            return Shown("no auction was evaluated", pd.DataFrame())
        factor = self.table["budget_factor"].iloc[-1]
        rows = self.table[self.table["budget_factor"] == factor]
        columns = {name: shown for name, shown in SHORT.items() if name in rows.columns}
        short = rows[list(columns)].rename(columns=columns).reset_index(drop=True)
        heading = (
            f"{self.settings['profiles']:,} profiles of {self.settings['owners']} truthful owners, budget factor "
            f"{'~' if '[' in str(factor) else '='} {factor}"
        )
        factors = ", ".join(dict.fromkeys(map(str, self.table["budget_factor"])))
        return Shown(heading, short, (f"All budget factors, {factors}, are in the column budget_factor of .table.",))
