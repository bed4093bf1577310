"""A market's history, kept while it is played so that no panel reads every trade again."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.broker.auctions.base import Menu, MenuAuction
from agents.surplus import pays
from analysis.headline import Headline, headline_from
from market_sim.model import FLMarket
from market_sim.record import RoundRecord
from market_sim.rows import groups_of, round_of
from market_sim.run import declared_guarantees
from market_sim.tables import GROUPS
from scenarios.app.promises_so_far import PromisesSoFar

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
    guarantees : mapping
        What the auction claims (``market_sim.run.declared_guarantees``).
    """

    def __init__(self, owners: int, guarantees: Mapping[str, Any]) -> None:
        self._lock = threading.RLock()
        self._round = -1
        self._menu: tuple[RoundRecord, Menu | None] | None = None
        self._rounds: list[dict[str, Any]] = []
        self._gains: list[dict[str, float]] = []
        self._privacy: list[dict[str, float]] = []
        self._bids: deque[tuple[str, bool, float, float]] = deque(maxlen=REMEMBERED_BIDS)
        self._groups: dict[str, list[Any]] = {name: [] for name in GROUPS.names}
        self._promises = PromisesSoFar(guarantees)
        self._sold = np.zeros(owners)
        self._gain = np.zeros(owners)
        self._cost = np.zeros(owners)
        self.misreports = self.misreports_paid = self.misreports_left_out = 0
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
            total = np.median(model.population.composed.total(torch.arange(len(spent))).numpy())
            self._privacy.append(
                {"round": self._round, "median": median, "high": high, "largest": spent.max(), "total": total}
            )

    def _record(self, record: RoundRecord) -> None:
        self._rounds.append(round_of(record))
        cost = record.types.cost_at_own_budget()[0].numpy()  # [owner]
        untruthful = record.tried[0].numpy()
        gain = _without_rounding(record)[0].numpy()
        owners = record.owners.numpy()
        scale = np.where(cost > 0, cost, 1.0)
        # Whose privacy costs nothing, or infinitely much, has no gain per cost.
        share = (gain / scale)[untruthful & (cost > 0) & np.isfinite(gain / scale)]  # [misreport]
        np.add.at(self._gain, owners[untruthful], gain[untruthful])
        np.add.at(self._cost, owners, cost)
        paid = int((record.misreport_paid & record.tried).sum())
        best = share.max(initial=-np.inf)
        self._gains.append(
            {"round": record.round, "misreports": len(share), "paid": paid, "total": share.sum(), "max": best}
        )
        self.misreports += int(untruthful.sum())
        self.misreports_left_out += int(record.untruthful.sum()) - int(untruthful.sum())
        self.misreports_paid += paid
        np.add.at(self._sold, owners, record.outcome.privacy_loss[0].numpy())
        for name, values in groups_of(record).items():
            self._groups[name].extend(values)
        self._promises.add(record)
        truth, utility = record.truthful_utility[0].numpy() / scale, record.utility[0].numpy() / scale
        bids = zip(record.strategies, (~untruthful).tolist(), truth.tolist(), utility.tolist(), strict=True)
        self._bids.extend(bid for bid in bids if not math.isnan(bid[2]))
        self.last_bid.update((owner, (record, place)) for place, owner in enumerate(owners.tolist()))

    @property
    def rounds(self) -> pd.DataFrame:
        """Rows of the rounds so far, columns of ``market_sim.results.ROUNDS``."""
        return pd.DataFrame(list(self._rounds))

    @property
    def gains(self) -> pd.DataFrame:
        """Per round: ``misreports`` whose teller's privacy has a price, ``total`` and ``max`` of gains, ``paid``."""
        return pd.DataFrame(list(self._gains))

    @property
    def privacy(self) -> pd.DataFrame:
        """Per round: ``median``, ``high`` (nine in ten), ``largest`` privacy loss so far; ``total``: tight, median."""
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
        """Mean gain of a lie so far, per cost of all she has; None before the first."""
        known = sum(row["misreports"] for row in self._gains)
        return sum(row["total"] for row in self._gains) / known if known else None

    @property
    def groups(self) -> pd.DataFrame:
        """Rows of those who acted together so far, columns of ``market_sim.tables.GROUPS``."""
        return pd.DataFrame({name: list(values) for name, values in self._groups.items()})

    @property
    def headline(self) -> Headline:
        """Did lying pay so far?"""
        return headline_from(self.misreports, self.misreports_paid, self.groups, left_out=self.misreports_left_out)

    @property
    def median_privacy_loss(self) -> float:
        """Privacy loss sold so far, median of the owners who sold."""
        sold = self._sold[self._sold > 0]
        return float(np.median(sold)) if len(sold) else 0.0

    @property
    def promises(self) -> pd.DataFrame:
        """What the auction claims and what became of it so far, as ``analysis.promises.promises`` has it."""
        with self._lock:
            return self._promises.table

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


def _without_rounding(record: RoundRecord) -> Tensor:
    """Gains ``[1, n]``, 0 where they are no more than rounding."""
    gain = record.misreport_gain
    lost = pays(-gain, record.payment_for_truth, record.outcome.payment, record.own_sale_cost)
    return torch.where(record.misreport_paid | lost, gain, 0.0)


_HISTORIES: WeakKeyDictionary[FLMarket, History] = WeakKeyDictionary()
_LOCK = threading.Lock()


def history_of(model: FLMarket) -> History:
    """Return the history of a market, up to date."""
    with _LOCK:
        history = _HISTORIES.get(model)
        if history is None:
            history = History(model.config.owners, declared_guarantees(model.broker.auction))
            _HISTORIES[model] = history
    history.update(model)
    return history
