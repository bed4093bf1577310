"""What became of an auction's claims in the rounds played so far, without reading every trade again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.promises import BROKEN, KEPT, NOT_TRIED, promises
from market_sim.record import RoundRecord
from market_sim.results import Results
from market_sim.rows import groups_of, identities_of, round_of, trades_of
from market_sim.tables import TABLES

MAX_UNREAD = 50
"""Rounds that are kept until somebody looks."""


class PromisesSoFar:
    """The table of ``analysis.promises.promises``, round by round.

    Parameters
    ----------
    guarantees : mapping
        What the auction claims (``market_sim.run.declared_guarantees``).
    """

    def __init__(self, guarantees: Mapping[str, Any]) -> None:
        self._guarantees = guarantees
        self._unread: list[RoundRecord] = []
        self._table = _promises(guarantees, [])

    def add(self, record: RoundRecord) -> None:
        """Count one more round of a buyer."""
        self._unread.append(record)
        if len(self._unread) >= MAX_UNREAD:
            self._read()

    def copy(self) -> PromisesSoFar:
        """Return one that goes on by itself."""
        other = PromisesSoFar(self._guarantees)
        other._unread, other._table = list(self._unread), self._table
        return other

    @property
    def table(self) -> pd.DataFrame:
        """What became of every promise so far."""
        self._read()
        return self._table

    def _read(self) -> None:
        if self._unread:
            self._table = added(self._table, _promises(self._guarantees, self._unread))
            self._unread = []


def added(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the table of all rounds from those of the earlier and of the later ones."""
    cases, broken = before["cases"] + after["cases"], before["broken"] + after["broken"]
    here = np.select([broken > 0, cases > 0], [BROKEN, KEPT], default=NOT_TRIED)
    worst = np.maximum(before["worst"], after["worst"])
    return before.assign(here=here, cases=cases, broken=broken, worst=worst)


def _promises(guarantees: Mapping[str, Any], records: list[RoundRecord]) -> pd.DataFrame:
    rows = {
        "rounds": [{name: [value] for name, value in round_of(record).items()} for record in records],
        "trades": list(map(trades_of, records)),
        "identities": list(map(identities_of, records)),
        "groups": list(map(groups_of, records)),
    }
    tables = {
        table: {name: [value for part in parts for value in part[name]] for name in TABLES[table].names}
        for table, parts in rows.items()
    }
    found = Results.of(tables, {})
    return promises(guarantees, found.rounds, found.trades, found.identities, found.groups)
