"""What a verification of a run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from agents.showing import Shown, ShowsItself
from market_sim.verification.agreement import Disagreement

CONFIG = "config.json"
LISTED = 100
"""Disagreements of one column that are listed one by one; all are counted."""


@dataclass(frozen=True)
class Column:
    """What came of one column of a table, or of one entry of ``config.json``.

    Parameters
    ----------
    table, column : str
    kind : {"recomputed", "replayed", "not verified"}
        ``replayed``: only by repeating the learning.
    rows, agree : int
        Rows that were checked, and those of them that agree to the last bit.
    not_verified : int
        Rows that could not be checked.
    reason : str
        Why not; empty if all could.
    first : Disagreement, optional
    """

    table: str
    column: str
    kind: str
    rows: int
    agree: int
    not_verified: int
    reason: str
    first: Disagreement | None

    def as_row(self) -> dict[str, Any]:
        """Its fields, the first disagreement in words."""
        return {**asdict(self), "first": None if self.first is None else str(self.first)}


@dataclass(frozen=True, repr=False)
class Verification(ShowsItself):
    """What a verification of a run found.

    Parameters
    ----------
    directory : str
    columns : tuple of Column
        Every column of every table, and every entry of ``config.json``.
    rows : dict of str to (int, int)
        By table: recorded rows, and those of them of which every value that was checked agrees.
    disagreements : tuple of Disagreement
        Row by row, ``LISTED`` of each column at most, and every row too many or too few.
    rounds : int
        Rounds that were played again.
    problem : str, optional
        Why the run could not be played to its end.
    notes : tuple of str
    """

    directory: str
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[int, int]]
    disagreements: tuple[Disagreement, ...]
    rounds: int
    problem: str | None
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was recomputed is what was recorded."""
        return not self.disagreements and self.problem is None

    def shown(self) -> Shown:
        """Whether the run is what was recorded, and a row per table."""
        rows = [{"table": name, "rows": count, "rows that agree": agree} for name, (count, agree) in self.rows.items()]
        word = "agrees with its configuration" if self.ok else "DISAGREES with its configuration"
        first = [str(found) for found in self.disagreements[:3]] + [self.problem or ""]
        notes = (*filter(None, first), *self.notes)
        return Shown(f"{self.directory}: {word}, {self.values:,} values checked", pd.DataFrame(rows), notes)

    @property
    def table(self) -> pd.DataFrame:
        """A row per column: table, column, kind, rows checked, rows that agree, the first disagreement."""
        rows = [
            {**asdict(column), "first": "" if column.first is None else str(column.first)} for column in self.columns
        ]
        return pd.DataFrame(rows)

    @property
    def values(self) -> int:
        """How many values were checked."""
        return sum(column.rows for column in self.columns)

    def of_kind(self, kind: str) -> dict[str, list[str]]:
        """Names of the columns of a kind, by table."""
        found: dict[str, list[str]] = {}
        for column in self.columns:
            if column.kind == kind:
                found.setdefault(column.table, []).append(column.column)
        return found

    def not_verified(self) -> dict[str, dict[str, list[str]]]:
        """Names of the columns of which something could not be checked, by reason and table."""
        found: dict[str, dict[str, list[str]]] = {}
        for column in self.columns:
            if column.not_verified:
                found.setdefault(column.reason, {}).setdefault(column.table, []).append(column.column)
        return found

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON holds it."""
        return {
            "ok": self.ok,
            "run": self.directory,
            "rounds": self.rounds,
            "values": self.values,
            "rows": {name: {"recorded": count, "agree": agree} for name, (count, agree) in self.rows.items()},
            "problem": self.problem,
            "notes": list(self.notes),
            "columns": [
                {**asdict(column), "first": None if column.first is None else str(column.first)}
                for column in self.columns
            ],
            "disagreements": [asdict(found) for found in self.disagreements],
        }
