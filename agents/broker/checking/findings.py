"""What checking an auction finds: findings in the making, errors included, and the report that they add up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch

from agents.broker.auctions.base import Auction, Menu, MenuAuction
from agents.messages import Bids, Outcome

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


@dataclass
class Guarded:
    """An auction that never raises: its errors become a finding, and where it fails nothing is sold."""

    auction: Auction
    runs: Finding = field(default_factory=lambda: Finding("runs", "contract"))

    def run(self, bids: Bids, budget: Any) -> Outcome:
        """The auction's outcome, or nothing."""
        try:
            outcome = self.auction.run(bids, budget)
            if not isinstance(outcome, Outcome) or tuple(outcome.payment.shape) != bids.shape:
                raise TypeError(f"it returned {type(outcome).__name__}, not an Outcome of the shape of the bids")
        except Exception as error:
            self._book(error, bids)
            return Outcome.nothing(*bids.shape)
        self._book(None, bids)
        return outcome

    def _book(self, error: Exception | None, bids: Bids) -> None:
        where = f"bids of shape {list(bids.shape)}: {type(error).__name__}: {error}"
        self.runs.add(float(error is not None), error is None, where, 1)


@dataclass
class GuardedMenu(Guarded):
    """The same for one with price lists."""

    auction: MenuAuction

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        """The auction's price lists, or lists of nothing."""
        try:
            menu = self.auction.price_list(bids, budget)
            self.auction.check_shape("array of price lists", menu.price, bids)
            return menu
        except Exception as error:
            self._book(error, bids)
            nothing = torch.zeros(*bids.shape, 1, dtype=torch.float64)
            return Menu(privacy_loss=nothing, price=nothing, records=nothing.long())
