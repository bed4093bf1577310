"""A market's history, kept while it is played so that no panel reads every trade again."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from agents.broker.auctions.base import Menu, MenuAuction
from market_sim.model import FLMarket
from market_sim.record import RoundRecord
from market_sim.rows import round_of

REMEMBERED_BIDS = 1500
"""The latest bids that are drawn one by one."""

OUTCOME_FIELDS = ("privacy_loss", "payment", "data_size")


class History:
    """A market's past, recorded round by round.

    Gains are in units of what the owner asks for all she has (``OwnerTypes.cost_at_own_budget``), as in
    ``analysis.summary``.

    Parameters
    ----------
    owners : int
        Size of the population.
    """

    def __init__(self, owners: int) -> None:
        self._lock = threading.RLock()
        self._round = -1
        self._menu: tuple[RoundRecord, Menu | None] | None = None
        self._rounds: list[dict[str, Any]] = []
        self._gains: list[dict[str, float]] = []
        self._privacy: list[dict[str, float]] = []
        self._bids: deque[tuple[str, bool, float, float]] = deque(maxlen=REMEMBERED_BIDS)
        self._gain = np.zeros(owners)
        self._cost = np.zeros(owners)
        self.misreports = self.misreports_paid = 0
        self.latest: tuple[RoundRecord, ...] = ()
        self.last_bid: dict[int, tuple[RoundRecord, int]] = {}

    def update(self, model: FLMarket) -> None:
        """Record the market's last step, unless that was done before."""
        with self._lock:
            records = model.last_round
            if not records or records[0].round <= self._round:
                return
            self._round, self.latest = records[0].round, records
            for record in records:
                self._record(record)
            spent = model.population.accounts.spent.numpy()
            median, high = np.quantile(spent, [0.5, 0.9])
            self._privacy.append({"round": self._round, "median": median, "high": high, "largest": spent.max()})

    def _record(self, record: RoundRecord) -> None:
        self._rounds.append(round_of(record))
        cost = record.types.cost_at_own_budget()[0].numpy()  # [owner]
        untruthful = record.untruthful[0].numpy()
        gain = record.misreport_gain[0].numpy()
        owners = record.owners.numpy()
        scale = np.where(cost > 0, cost, 1.0)
        share = (gain / scale)[untruthful]  # [misreport]
        np.add.at(self._gain, owners[untruthful], gain[untruthful])
        np.add.at(self._cost, owners, cost)
        paid = int((record.misreport_paid & record.untruthful).sum())
        best = share.max(initial=-np.inf)
        self._gains.append(
            {"round": record.round, "misreports": len(share), "paid": paid, "total": share.sum(), "max": best}
        )
        self.misreports += len(share)
        self.misreports_paid += paid
        truth, utility = record.truthful_utility[0].numpy() / scale, record.utility[0].numpy() / scale
        self._bids.extend(zip(record.strategies, (~untruthful).tolist(), truth.tolist(), utility.tolist(), strict=True))
        self.last_bid.update((owner, (record, place)) for place, owner in enumerate(owners.tolist()))

    @property
    def rounds(self) -> pd.DataFrame:
        """Rows of the rounds so far, columns of ``market_sim.results.ROUNDS``."""
        return pd.DataFrame(list(self._rounds))

    @property
    def gains(self) -> pd.DataFrame:
        """Per round: ``misreports``, how many ``paid``, the ``total`` of their gains and the largest, ``max``."""
        return pd.DataFrame(list(self._gains))

    @property
    def privacy(self) -> pd.DataFrame:
        """Per round: ``median``, ``high`` (nine in ten) and ``largest`` privacy loss of an owner so far."""
        return pd.DataFrame(list(self._privacy))

    @property
    def bids(self) -> pd.DataFrame:
        """The latest bids: ``strategy``, ``truthful``, and ``truth`` and ``utility`` per cost of all she has."""
        return pd.DataFrame(list(self._bids), columns=["strategy", "truthful", "truth", "utility"])

    @property
    def gain_by_owner(self) -> NDArray[np.float64]:
        """Gain from lying so far ``[owners]``, per cost of all she had in every round she bid in; 0 without a lie."""
        return np.divide(self._gain, self._cost, out=np.zeros_like(self._gain), where=self._cost > 0)

    @property
    def mean_gain(self) -> float | None:
        """Mean gain of a lie so far; None before the first."""
        return sum(row["total"] for row in self._gains) / self.misreports if self.misreports else None

    def price_list(self, record: RoundRecord, model: FLMarket) -> Menu | None:
        """Everybody's price list of a round; the last one is cached.

        None if the auction has none, or if the owners' choices from these lists are not what came of the round: when
        somebody bid under several names, every name had a list of its own.
        """
        auction = model.broker.auction
        if not isinstance(auction, MenuAuction):
            return None
        with self._lock:
            if self._menu is None or self._menu[0] is not record:
                menu = auction.price_list(record.bids, [record.budget])
                chosen = menu.choose(record.bids)
                same = all(torch.equal(getattr(chosen, part), getattr(record.outcome, part)) for part in OUTCOME_FIELDS)
                self._menu = record, menu if same else None
            return self._menu[1]


_HISTORIES: WeakKeyDictionary[FLMarket, History] = WeakKeyDictionary()
_LOCK = threading.Lock()


def history_of(model: FLMarket) -> History:
    """Return the history of a market, up to date."""
    with _LOCK:
        history = _HISTORIES.setdefault(model, History(model.config.owners))
    history.update(model)
    return history
