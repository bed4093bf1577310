"""What checking an auction finds: one result per check, "not tried" until a case was, and the report of all."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from agents.showing import Shown, ShowsItself

COLUMNS = ("check", "claim", "holds", "worst", "tried", "excludes", "where")
CONTRACT, CLAIMED, NOT_CLAIMED = "contract", "claimed", "not claimed"


@dataclass(frozen=True, repr=False)
class CheckReport(ShowsItself):
    """What ``check_auction`` found.

    Parameters
    ----------
    auction : str
        Name of the auction.
    table : pandas.DataFrame
        One row per check. ``claim``: "contract" (every auction must), "claimed" or "not claimed" (told, not held
        against it). ``holds``: True or False, None where no case was tried. ``worst``: the largest gain in shares of
        the liar's cost, the lowest utility, the most overspent, the most sold beyond the bid, or how many numbers
        differed. ``tried``: how many cases. ``excludes``: failures so frequent that they would have been seen.
        ``where``: the worst case of what does not hold.
    assumption : str
        What truthfulness rests on (``Guarantees.assumption``).
    """

    auction: str
    table: pd.DataFrame
    assumption: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing that the auction claims, or that every auction must keep, was refuted."""
        return not self.refuted

    @property
    def refuted(self) -> list[str]:
        """The checks that the auction failed, of those that are held against it."""
        return [str(row["check"]) for _, row in self.table.iterrows() if _refutes(row)]

    @property
    def not_tried(self) -> list[str]:
        """The checks of which no case could be tried, for instance because the rule broke down before."""
        return [str(row["check"]) for _, row in self.table.iterrows() if row["holds"] is None]

    def shown(self) -> Shown:
        """The verdict, what was tried, and the worst case of whatever does not hold."""
        short = self.table[[name for name in COLUMNS if name != "where"]]
        told = short.assign(holds=[verdict(value) for value in self.table["holds"]])
        cases = tuple(f"{row['check']}: {row['where']}" for _, row in self.table.iterrows() if row["where"])
        cases += (self.assumption,) if self.assumption else ()
        return Shown(f"{self.auction}: {'nothing refuted' if self.ok else 'REFUTED'}", told, cases)


def _refutes(row: pd.Series) -> bool:
    return row["claim"] != NOT_CLAIMED and row["holds"] is not None and not row["holds"]


def verdict(holds: bool | None) -> str:
    """The word for a result: yes, NO or not tried."""
    return "not tried" if holds is None else "yes" if holds else "NO"


@dataclass
class CheckResult:
    """One check in the making: the worst value so far, and where; nothing holds before a case was tried."""

    check: str
    claim: str
    holds: bool | None = None
    worst: float = float("nan")
    tried: int = 0
    excludes: str = ""
    where: str = ""

    def add(self, value: float, holds: bool, where: str, tried: int) -> None:
        """Book ``tried`` cases and the worst value of them (the larger the worse); failures displace successes."""
        if tried <= 0:
            return
        if self.holds is None or (not holds and self.holds) or (holds == self.holds and value > self.worst):
            self.worst, self.where = float(value), "" if holds else where
        self.tried += tried
        self.holds = holds and self.holds is not False

    @property
    def refuted(self) -> bool:
        """Whether a case failed."""
        return self.holds is False
