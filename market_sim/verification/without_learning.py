"""A market played again without its learning: no gradient is computed, everything else is as it was."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from agents.buyer.buyer import ModelBuyer
from agents.buyer.score import Score
from agents.messages import Aggregate, Announcement, Bids, Outcome, Upload
from agents.owner.bidders import Bidders
from agents.owner.groups import Stream
from market_sim.config import MarketConfig
from market_sim.model import FLMarket
from market_sim.record import RoundRecord
from market_sim.round import Sale
from market_sim.verification.recorded import RecordedRun
from market_sim.verification.stand_ins import (
    CannotBeKnownError,
    RecordedAuction,
    RecordedStrategy,
    recorded_identities,
    recorded_outcome,
    recorded_strategy,
)


class UnlearnedAnnouncement(Announcement):
    """What the buyer made public, but for the parameters of a model that nobody trains here."""

    def __getattribute__(self, name: str) -> Any:
        """Refuse the one field that is not known."""
        if name == "parameters":
            raise CannotBeKnownError("reads the global model, which only a replay learns")
        return super().__getattribute__(name)

    def __post_init__(self) -> None:
        """Its fields were checked when the buyer announced them."""


class MarketWithoutLearning(FLMarket):
    """A market whose test accuracy and loss mean nothing, and all else what it is in ``FLMarket``.

    Parameters
    ----------
    config : MarketConfig
        With stand-ins for strategies and auction where these cannot be had again.
    seed : int
    record : RecordedRun
        What the stand-ins read.
    unknown : collection of str
        Strategies in whose place stand-ins act.

    Attributes
    ----------
    order_recorded : set of (round, buyer)
        Rounds in which the identities and the order of the bids were taken from the record.
    noise_unknown : set of (round, buyer)
        Rounds in which a stand-in's uploads may have had more noise than was sold.
    """

    def __init__(self, config: MarketConfig, *, seed: int, record: RecordedRun, unknown: Collection[str]) -> None:
        super().__init__(config, seed=seed)
        self.record = record
        self.order_recorded: set[tuple[int, int]] = set()
        self.noise_unknown: set[tuple[int, int]] = set()
        self._buyer = 0
        if isinstance(self._rule, RecordedAuction):
            self._rule.answers = True
        strategies = self.population.groups.strategies
        for index, (name, strategy) in enumerate(zip(self.population.groups.names, strategies, strict=True)):
            if name in unknown:
                kind = recorded_strategy(name, record, moves_last=strategy.moves_last)
                strategies[index] = kind(strategy.owners)
        self._stand_in = torch.tensor([isinstance(strategy, RecordedStrategy) for strategy in strategies])

    def stand_ins(self, owners: Tensor) -> Tensor:
        """Which of ``owners[m]`` follow a strategy that is only known from the record, ``bool[m]``."""
        return self._stand_in[self.population.groups.group[owners]]

    def _appear(self, bidders: Bidders, stream: Stream) -> Bidders:
        said = bidders.announcement
        bidders = replace(bidders, announcement=UnlearnedAnnouncement(said.budget, said.parameters, said.round))
        recorded = bidders.owners[self.stand_ins(bidders.owners)].tolist()
        if all(len(self.record.decisions(self.round, owner)) < 2 for owner in recorded):
            return super()._appear(bidders, stream)
        self.order_recorded.add((self.round, self._buyer))
        return replace(bidders, identities=recorded_identities(self.record, bidders))

    def _sell(self, bidders: Bidders, bids: Bids, stream: Stream) -> Sale:
        if not isinstance(self.broker.auction, RecordedAuction):
            return super()._sell(bidders, bids, stream)
        budget = torch.tensor([bidders.announcement.budget], dtype=torch.float64)
        return Sale(recorded_outcome(self.record, bidders), budget, None)

    def _upload(self, bidders: Bidders, outcome: Outcome, stream: Stream) -> tuple[Upload, Tensor]:
        loss = self.population.groups.upload(bidders, outcome)
        sellers = (loss > 0).nonzero()[:, 0]
        return Upload(bidder=sellers, gradient=torch.zeros(len(sellers), 0, dtype=torch.float64)), loss

    def _learn(self, buyer: ModelBuyer, aggregate: Aggregate) -> Score:
        nothing = ((0,) * self.task.classes,) * self.task.classes
        return Score(loss=math.nan, accuracy=math.nan, confusion=nothing)

    def _play_round(self, buyer: ModelBuyer, taken: Tensor) -> RoundRecord:
        self._buyer = buyer.index
        played = super()._play_round(buyer, taken)
        self._take_accounts(played)
        return played

    def _take_accounts(self, played: RoundRecord) -> None:
        """Go on with what the record says that stand-ins have spent: how much noise they added nobody knows."""
        accounts, spent = self.population.accounts, self.population.accounts.spent.clone()
        for owner in played.owners[self.stand_ins(played.owners)].tolist():
            trade = self.record.trade(played.round, owner)
            said = None if trade is None else trade["privacy_spent"]
            if said is not None and 0 <= said < float(spent[owner]):
                spent[owner] = said
                self.noise_unknown.add((played.round, played.buyer))
        self.population.accounts = replace(accounts, spent=spent)
