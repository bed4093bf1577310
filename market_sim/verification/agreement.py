"""Where two tables of the same columns agree, to the last bit."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from market_sim.tables import TABLES

KEYS: dict[str, tuple[str, ...]] = {
    "rounds": ("round", "buyer"),
    "trades": ("round", "buyer", "owner"),
    "groups": ("round", "buyer", "group"),
    "identities": ("round", "buyer", "owner", "identity"),
    "curves": ("round", "buyer", "owner", "position", "level"),
    "confusion": ("round", "buyer", "label", "named"),
}
"""Columns that name a row of each table."""

ROWS = "(row)"
"""Stands for a column where a whole row is missing or should not be there."""

NO_ROW = "no such row"


@dataclass(frozen=True)
class Disagreement:
    """One recorded value that is not what comes of recomputing it.

    Parameters
    ----------
    table, column : str
    row : int
        Counted from 0 in the recorded table; for a missing row, where it should stand. None in ``config.json``.
    where : dict
        The columns that name the row.
    recorded, recomputed : object
        None for a missing value.
    """

    table: str
    column: str
    row: int | None
    where: Mapping[str, Any]
    recorded: Any
    recomputed: Any

    def __str__(self) -> str:
        place = ", ".join(f"{name} {value}" for name, value in self.where.items() if value is not None)
        row = "" if self.row is None else f" row {self.row}" + (f" ({place})" if place else "")
        return f"{self.table}{row}, {self.column}: recorded {self.recorded!r}, recomputed {self.recomputed!r}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """A recorded table beside a recomputed one.

    Parameters
    ----------
    name : str
    recorded, recomputed : pyarrow.Table
    pairs : int64[k, 2]
        Rows of the two that stand for the same.
    added, missing : list of int
        Recorded rows that were not recomputed, and recomputed rows that were not recorded.
    """

    name: str
    recorded: pa.Table
    recomputed: pa.Table
    pairs: NDArray[np.int64]
    added: list[int]
    missing: list[int]

    @classmethod
    def of(cls, name: str, recorded: pa.Table, recomputed: pa.Table) -> Comparison:
        """Pair the rows: one by one where there are as many, else by the columns that name them."""
        if len(recorded) == len(recomputed):
            pairs = np.repeat(np.arange(len(recorded))[:, None], 2, axis=1)
            return cls(name, recorded, recomputed, pairs, [], [])
        before, after = _keys(name, recorded), _keys(name, recomputed)
        matches = difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        pairs = np.array(
            [(match.a + step, match.b + step) for match in matches for step in range(match.size)], dtype=np.int64
        ).reshape(-1, 2)
        added = sorted(set(range(len(before))) - set(pairs[:, 0].tolist()))
        missing = sorted(set(range(len(after))) - set(pairs[:, 1].tolist()))
        return cls(name, recorded, recomputed, pairs, added, missing)

    def agree(self, column: str) -> NDArray[np.bool_]:
        """Which pairs agree in a column, ``bool[k]``: both missing, or the same bits."""
        return same(self.recorded[column].take(self.pairs[:, 0]), self.recomputed[column].take(self.pairs[:, 1]))

    def disagreements(self, column: str, pairs: NDArray[np.int64]) -> Iterator[Disagreement]:
        """The values of a column in some pairs of rows ``[k, 2]``."""
        for recorded, recomputed in pairs.tolist():
            yield Disagreement(
                self.name,
                column,
                recorded,
                self._named(self.recomputed, recomputed),
                self.recorded[column][recorded].as_py(),
                self.recomputed[column][recomputed].as_py(),
            )

    def rows(self) -> Iterator[Disagreement]:
        """Rows too many and rows too few."""
        for row in self.added:
            yield Disagreement(self.name, ROWS, row, self._named(self.recorded, row), "this row", NO_ROW)
        for row in self.missing:
            yield Disagreement(self.name, ROWS, row, self._named(self.recomputed, row), NO_ROW, "this row")

    def _named(self, table: pa.Table, row: int) -> dict[str, Any]:
        return {name: table[name][row].as_py() for name in KEYS[self.name]}


def same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where two columns of one type hold the same, to the last bit; a missing value is like another."""
    missing, also = (column.is_null().to_numpy() for column in (one, other))
    if pa.types.is_floating(one.type):
        # As bits: NaN is itself, and 0.0 is not -0.0.
        left, right = (column.fill_null(0.0).to_numpy().view(np.int64) for column in (one, other))
    elif pa.types.is_integer(one.type):
        left, right = (column.fill_null(0).to_numpy() for column in (one, other))
    else:
        left, right = (np.array(column.to_pylist(), dtype=object) for column in (one, other))
    equal: NDArray[np.bool_] = (missing & also) | (~missing & ~also & (left == right))
    return equal


def _keys(name: str, table: pa.Table) -> list[tuple[Any, ...]]:
    assert set(KEYS[name]) <= set(TABLES[name].names)
    return list(zip(*(table[column].to_pylist() for column in KEYS[name]), strict=True))
