"""What checking an auction found: findings in the making, and the report that they add up to."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

COLUMNS = ("check", "claim", "holds", "worst", "tried", "where")


@dataclass(frozen=True)
class CheckReport:
    """What ``check_auction`` found.

    Parameters
    ----------
    auction : str
        Name of the auction.
    table : pandas.DataFrame
        One row per check. ``claim``: "contract" (every auction must), "claimed" or "not claimed" (told, not held
        against it). ``worst``: the largest gain in shares of the liar's cost, the lowest utility, the most
        overspent, the most sold beyond the bid, or how many numbers differed. ``tried``: how many cases. ``where``:
        the worst case of what does not hold.
    """

    auction: str
    table: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether nothing that the auction claims, or that every auction must keep, was refuted."""
        return bool(self.table.loc[self.table["claim"] != "not claimed", "holds"].all())

    def __str__(self) -> str:
        """The verdict and the table."""
        with pd.option_context("display.max_colwidth", None, "display.width", None):
            table = self.table.to_string(index=False, float_format=lambda value: f"{value:.3g}")
        return f"{self.auction}: {'nothing refuted' if self.ok else 'REFUTED'}\n{table}"


@dataclass
class Finding:
    """One check in the making: the worst value so far, and where."""

    check: str
    claim: str
    holds: bool = True
    worst: float = float("nan")
    tried: int = 0
    where: str = ""

    def add(self, value: float, holds: bool, where: str, tried: int) -> None:
        """Book ``tried`` cases and the worst value of them (the larger the worse); failures displace successes."""
        first = self.tried == 0
        self.tried += tried
        if first or (not holds and self.holds) or (holds == self.holds and value > self.worst):
            self.worst, self.where = value, "" if holds else where
        self.holds = self.holds and holds
