"""A market's history, kept while it is played, and how it looked after any of its rounds."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.broker.auctions.base import Menu, MenuAuction
from agents.surplus import pays
from analysis.headline import NO, NOT_KNOWN, Headline, headline_from
from market_sim.model import FLMarket
from market_sim.record import RoundRecord
from market_sim.rows import groups_of, round_of
from market_sim.run import declared_guarantees
from market_sim.tables import GROUPS
from scenarios.app.promises_so_far import PromisesSoFar

ENOUGH_LIES = 30
"""With fewer lies, none of which paid, one in ten may still pay (the rule of three), and the answer is not known."""
MAX_KEPT_BIDS = 40_000
"""Bids of the latest rounds whose records are kept, to be looked at one by one."""
MAX_LIES = 20_000
"""The latest lies that are shown as a distribution."""

OUTCOME_FIELDS = ("privacy_loss", "payment", "data_size")


@dataclass(frozen=True)
class PlayedRound:
    """What is kept of a round for good.

    Parameters
    ----------
    rows : list of mapping
        A row per buyer, columns of ``market_sim.results.ROUNDS``.
    gains : mapping
        ``round, misreports, paid, total, max``: lies whose teller's privacy has a price, their gains per cost.
    privacy : mapping
        ``round, median, high, largest`` privacy loss of an owner so far, ``total`` of the median, tight.
    owners : int64[n]
        The bidders; ``gain``, ``cost`` and ``sold`` are theirs, a gain being 0 where she told the truth.
    lies : DataFrame
        ``strategy, gain, paid`` of each lie whose teller's privacy has a price.
    misreports, paid, left_out : int
        The lies beside which the truth was tried, those of them that paid, and the lies beside which it was not.
    groups : mapping
        Columns of ``market_sim.tables.GROUPS``.
    active : bool[owners]
        Who is in the market after the round.
    """

    rows: list[dict[str, Any]]
    gains: dict[str, float]
    privacy: dict[str, float]
    owners: NDArray[np.int64]
    gain: NDArray[np.float64]
    cost: NDArray[np.float64]
    sold: NDArray[np.float64]
    lies: pd.DataFrame
    misreports: int
    paid: int
    left_out: int
    groups: dict[str, list[Any]]
    active: NDArray[np.bool_]


class History:
    """A market's past, recorded round by round.

    Gains are in units of what the owner asks for all she has (``OwnerTypes.cost_at_own_budget``), as in
    ``analysis.summary``.

    Parameters
    ----------
    model : FLMarket
        Before its first round.
    """

    def __init__(self, model: FLMarket) -> None:
        self.owners = model.config.owners
        self.guarantees = declared_guarantees(model.broker.auction)
        self.played: list[PlayedRound] = []
        self.records: dict[int, tuple[RoundRecord, ...]] = {}
        self._kept = 0
        self._lock = threading.RLock()
        self._promises = PromisesSoFar(self.guarantees)
        self._menus: dict[int, tuple[RoundRecord, Menu | None]] = {}

    def copy(self) -> History:
        """Return a history that goes on by itself."""
        with self._lock:
            other = History.__new__(History)
            other.__dict__.update(self.__dict__)
            other.played, other.records, other._menus = list(self.played), dict(self.records), {}
            other._lock, other._promises = threading.RLock(), self._promises.copy()
            return other

    def update(self, model: FLMarket) -> None:
        """Record the market's last step, unless that was done before."""
        with self._lock:
            records = model.last_round
            if not records or records[0].round < len(self.played):
                return
            spent = model.population.accounts.spent.numpy()
            total = float(np.median(model.population.composed.total(torch.arange(len(spent))).numpy()))
            self.played.append(_played(records, spent, total, model.population.active.numpy().copy()))
            for record in records:
                self._promises.add(record)
            self.records[records[0].round] = records
            self._kept += sum(len(record.owners) for record in records)
            while self._kept > MAX_KEPT_BIDS and len(self.records) > 1:
                oldest = self.records.pop(next(iter(self.records)))
                self._kept -= sum(len(record.owners) for record in oldest)

    def view(self, rounds: int | None = None) -> View:
        """How it looked after so many rounds; by default after all."""
        count = len(self.played)
        return View(self, count if rounds is None else min(max(rounds, 0), count))

    def promises_until(self, rounds: int) -> pd.DataFrame:
        """What the auction claims and what became of it, as ``analysis.promises.promises`` has it.

        Of rounds whose records are no longer kept, only the table of all rounds is known.
        """
        with self._lock:
            if rounds == len(self.played) or not all(each in self.records for each in range(rounds)):
                return self._promises.table
            so_far = PromisesSoFar(self.guarantees)
            for each in range(rounds):
                for record in self.records[each]:
                    so_far.add(record)
            return so_far.table

    def price_list(self, record: RoundRecord, model: FLMarket) -> Menu | None:
        """Everybody's price list of a round; that of each buyer's last one asked for is kept.

        None if the auction has none, or if the owners' choices from these lists are not what came of the round: when
        somebody bid under several names, every name had a list of its own.
        """
        auction = model.broker.auction
        if not isinstance(auction, MenuAuction):
            return None
        with self._lock:
            known = self._menus.get(record.buyer)
            if known is None or known[0] is not record:
                menu = auction.price_list(record.bids, [record.budget])
                chosen = menu.choose(record.bids)
                same = all(torch.equal(getattr(chosen, part), getattr(record.outcome, part)) for part in OUTCOME_FIELDS)
                known = self._menus[record.buyer] = record, menu if same else None
            return known[1]


@dataclass(frozen=True, eq=False)
class View:
    """A market as it stood after ``count`` rounds; whatever is played later changes nothing in it."""

    history: History
    count: int

    @cached_property
    def _played(self) -> Sequence[PlayedRound]:
        return self.history.played[: self.count]

    @cached_property
    def rounds(self) -> pd.DataFrame:
        """Rows of the rounds so far, columns of ``market_sim.results.ROUNDS``."""
        return pd.DataFrame([row for each in self._played for row in each.rows])

    @cached_property
    def gains(self) -> pd.DataFrame:
        """Per round: ``misreports`` whose teller's privacy has a price, ``total`` and ``max`` of gains, ``paid``."""
        return pd.DataFrame([each.gains for each in self._played])

    @cached_property
    def privacy(self) -> pd.DataFrame:
        """Per round: ``median``, ``high`` (nine in ten) and ``largest`` privacy loss of an owner so far."""
        return pd.DataFrame([each.privacy for each in self._played])

    @cached_property
    def lies(self) -> pd.DataFrame:
        """The latest lies: ``strategy``, ``gain`` per cost of all she has, ``paid``."""
        parts: list[pd.DataFrame] = []
        missing = MAX_LIES
        for each in reversed(self._played):
            if missing <= 0:
                break
            parts.append(each.lies)
            missing -= len(each.lies)
        return (
            pd.concat(parts[::-1], ignore_index=True) if parts else pd.DataFrame(columns=["strategy", "gain", "paid"])
        )

    def _sum(self, name: str) -> NDArray[np.float64]:
        total = np.zeros(self.history.owners)
        for each in self._played:
            np.add.at(total, each.owners, getattr(each, name))
        return total

    @cached_property
    def gain_by_owner(self) -> NDArray[np.float64]:
        """Gain from lying so far ``[owners]``, per cost of all she had in every round she bid in; 0 without a lie."""
        gain, cost = self._sum("gain"), self._sum("cost")
        return np.divide(gain, cost, out=np.zeros_like(gain), where=cost > 0)

    @cached_property
    def sold_by_owner(self) -> NDArray[np.float64]:
        """Privacy loss that each owner sold so far ``[owners]``."""
        return self._sum("sold")

    @property
    def misreports(self) -> int:
        """How many lies there were."""
        return sum(each.misreports for each in self._played)

    @property
    def misreports_paid(self) -> int:
        """How many of them paid."""
        return sum(each.paid for each in self._played)

    @property
    def mean_gain(self) -> float | None:
        """Mean gain of a lie so far, per cost of all she has; None before the first."""
        known = sum(each.gains["misreports"] for each in self._played)
        return sum(each.gains["total"] for each in self._played) / known if known else None

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Rows of those who acted together so far, columns of ``market_sim.tables.GROUPS``."""
        return pd.DataFrame({name: [v for each in self._played for v in each.groups[name]] for name in GROUPS.names})

    @cached_property
    def headline(self) -> Headline:
        """Did lying pay so far? Not known from too few lies."""
        left_out = sum(each.left_out for each in self._played)
        found = headline_from(self.misreports, self.misreports_paid, self.groups, left_out=left_out)
        if found.verdict == NO and found.misreports < ENOUGH_LIES:
            few = f"none of the {found.misreports:,} lies so far paid, and {ENOUGH_LIES} are needed for an answer"
            few = few.replace("none of the 1 lies so far paid", "the only lie so far did not pay")
            return Headline(NOT_KNOWN, few, found.misreports, 0)
        return found

    @property
    def median_privacy_loss(self) -> float:
        """Privacy loss sold so far, median of the owners who sold."""
        sold = self.sold_by_owner[self.sold_by_owner > 0]
        return float(np.median(sold)) if len(sold) else 0.0

    @cached_property
    def promises(self) -> pd.DataFrame:
        """What the auction claims and what became of it so far."""
        return self.history.promises_until(self.count)

    @property
    def latest(self) -> tuple[RoundRecord, ...]:
        """Records of the last round; none before the first, and none if they are no longer kept."""
        return self.history.records.get(self.count - 1, ())

    @cached_property
    def last_bid(self) -> Mapping[int, tuple[RoundRecord, int]]:
        """The record of the round that each owner last bid in, of those that are kept, and her place in it."""
        found: dict[int, tuple[RoundRecord, int]] = {}
        for number in sorted((each for each in list(self.history.records) if each < self.count), reverse=True):
            for record in self.history.records.get(number, ()):
                for place, owner in enumerate(record.owners.tolist()):
                    found.setdefault(owner, (record, place))
        return found

    @property
    def active(self) -> NDArray[np.bool_]:
        """Who is still in the market."""
        return self._played[-1].active if self._played else np.ones(self.history.owners, dtype=bool)


def _played(
    records: tuple[RoundRecord, ...], spent: NDArray[np.float64], total: float, active: NDArray[np.bool_]
) -> PlayedRound:
    """What is kept of a round."""
    number = records[0].round
    gains = {"round": number, "misreports": 0, "paid": 0, "total": 0.0, "max": -np.inf}
    owners, gain, cost, sold, lies = [], [], [], [], []
    groups: dict[str, list[Any]] = {name: [] for name in GROUPS.names}
    misreports = left_out = 0
    for record in records:
        own_cost = record.types.cost_at_own_budget()[0].numpy()  # [owner]
        untruthful, paid = record.tried[0].numpy(), (record.misreport_paid & record.tried)[0].numpy()
        gained = _without_rounding(record)[0].numpy()
        scale = np.where(own_cost > 0, own_cost, 1.0)
        # Whose privacy costs nothing, or infinitely much, has no gain per cost.
        known = untruthful & (own_cost > 0) & np.isfinite(gained / scale)
        share = (gained / scale)[known]  # [misreport]
        lies.append(pd.DataFrame({"strategy": np.array(record.strategies)[known], "gain": share, "paid": paid[known]}))
        gains["misreports"] += len(share)
        gains["paid"] += int(paid.sum())
        gains["total"] += share.sum()
        gains["max"] = max(gains["max"], share.max(initial=-np.inf))
        misreports += int(untruthful.sum())
        left_out += int(record.untruthful.sum()) - int(untruthful.sum())
        owners.append(record.owners.numpy())
        gain.append(np.where(untruthful, gained, 0.0))
        cost.append(own_cost)
        sold.append(record.outcome.privacy_loss[0].numpy())
        for name, values in groups_of(record).items():
            groups[name].extend(values)
    median, high = np.quantile(spent, [0.5, 0.9])
    return PlayedRound(
        rows=[round_of(record) for record in records],
        gains=gains,
        privacy={"round": number, "median": median, "high": high, "largest": spent.max(), "total": total},
        owners=np.concatenate(owners),
        gain=np.concatenate(gain),
        cost=np.concatenate(cost),
        sold=np.concatenate(sold),
        lies=pd.concat(lies),
        misreports=misreports,
        paid=int(gains["paid"]),
        left_out=left_out,
        groups=groups,
        active=active,
    )


def _without_rounding(record: RoundRecord) -> Tensor:
    """Gains ``[1, n]``, 0 where they are no more than rounding."""
    gain = record.misreport_gain
    lost = pays(-gain, record.payment_for_truth, record.outcome.payment, record.own_sale_cost)
    return torch.where(record.misreport_paid | lost, gain, 0.0)
