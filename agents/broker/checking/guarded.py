"""An auction called as the market calls it, with a generator; whatever it raises becomes a result of the check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from agents.broker.auctions.base import Auction, Menu, MenuAuction
from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.checking.results import CONTRACT, CheckResult
from agents.messages import Bids, Outcome

SEED = 2022
"""Of the generator that every call gets, a fresh one each time."""


class FailedCallError(Exception):
    """The auction raised or returned no outcome; booked already, so that the case at hand is given up."""


def fresh_generator(seed: int = SEED) -> torch.Generator:
    """A generator at the beginning of its stream."""
    return torch.Generator().manual_seed(seed)


@dataclass
class GuardedAuction:
    """An auction whose errors are booked as a result, "runs", and raised as ``FailedCallError``."""

    auction: Auction
    runs: CheckResult = field(default_factory=lambda: CheckResult("runs", CONTRACT))

    @property
    def declares_odds(self) -> bool:
        """Whether it is a declared lottery, whose outcome may depend on the generator."""
        return hasattr(self.auction, "lottery")

    def run(self, bids: Bids, budget: Any) -> Outcome:
        """The outcome as the market gets it; of a declared lottery the most probable one, drawn without a generator."""
        return self.ask(self.auction, bids, budget, None if self.declares_odds else fresh_generator())

    def ask(self, rule: Auction, bids: Bids, budget: Any, generator: torch.Generator | None) -> Outcome:
        """The outcome of this auction or of a copy of it."""
        try:
            outcome = rule.run(bids, budget, generator)
            if not isinstance(outcome, Outcome) or tuple(outcome.payment.shape) != bids.shape:
                raise TypeError(f"it returned {type(outcome).__name__}, not an Outcome of the shape of the bids")
        except Exception as error:
            raise self._failed(error, bids) from error
        self.runs.add(0.0, True, "", 1)
        return outcome

    def unbooked(self) -> GuardedAuction:
        """The same auction with errors that count for nothing."""
        return type(self)(self.auction)

    def _failed(self, error: Exception, bids: Bids) -> FailedCallError:
        where = f"bids of shape {list(bids.shape)}: {type(error).__name__}: {error}"
        self.runs.add(1.0, False, where, 1)
        return FailedCallError(where)


@dataclass
class GuardedMenu(GuardedAuction):
    """The same for one with price lists."""

    auction: MenuAuction

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        """Everybody's price list."""
        try:
            menu = self.auction.price_list(bids, budget)
            self.auction.check_shape("array of price lists", menu.price, bids)
        except Exception as error:
            raise self._failed(error, bids) from error
        return menu


@dataclass
class GuardedLottery(GuardedAuction):
    """The same for one that declares its odds."""

    def lottery(self, bids: Bids, budget: Any) -> Lottery:
        """The declared odds of everything that may be drawn."""
        try:
            odds: Lottery = self.auction.lottery(bids, budget)  # type: ignore[attr-defined]
            self.auction.check_shape("array of odds", odds.probability, bids)
        except Exception as error:
            raise self._failed(error, bids) from error
        return odds


def guarded(auction: Auction) -> GuardedAuction:
    """The right kind of guard for an auction."""
    if hasattr(auction, "lottery"):
        return GuardedLottery(auction)
    return GuardedMenu(auction) if isinstance(auction, MenuAuction) else GuardedAuction(auction)
