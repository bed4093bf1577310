"""Columns of one's own in a table of owners: kept once per run, and beside every trade of their owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from market_sim.tables import TRADES

ENTRY = "owner_columns"
"""Of ``config.json``: values by column, one per owner in their order."""

TAKEN = frozenset({*TRADES.names, "seed", "cell"})
"""Names that a column of one's own cannot have."""


def with_owner_columns(trades: pd.DataFrame, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the trades with the columns of one's own that a run's manifest has; those that are there are left."""
    columns = config.get(ENTRY) or {}
    fresh = {
        name: pd.Series(values).reindex(trades["owner"]).set_axis(trades.index)
        for name, values in columns.items()
        if name not in trades.columns
    }
    return trades.assign(**fresh) if fresh else trades


def without_owner_columns(trades: pd.DataFrame, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the trades as a run writes them.

    Raises
    ------
    ValueError
        If a column of one's own no longer says what the table of owners did.
    """
    own = [name for name in config.get(ENTRY) or {} if name in trades.columns]
    plain = trades.drop(columns=own)
    expected = with_owner_columns(plain, config)
    for name in own:
        same = expected[name].eq(trades[name]) | (expected[name].isna() & trades[name].isna())
        if not same.all():
            raise ValueError(
                f"the table 'trades', column {name!r}: it no longer says what the table of owners did; save the tables "
                "as the run left them, and what you make of them in files of your own"
            )
    return plain
