"""Two owners at a rule that can be worked by hand: whoever asks no more than the budget sells all and is paid that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import pytest
import torch

from agents.messages import Announcement, Bids, Outcome
from agents.network import OwnerNetwork
from agents.owner.strategies.base import MarketView, PublicKnowledge, RoundResult, Strategy
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation

BUDGET = 10.0


def pays_what_is_asked(bids: Bids, budget: torch.Tensor) -> Outcome:
    ask = bids.cost(bids.privacy_budget, bids.data_size)
    buys = bids.present & (ask <= budget[:, None])
    return Outcome(
        privacy_loss=torch.where(buys, bids.privacy_budget, 0.0),
        payment=torch.where(buys, ask, 0.0),
        data_size=torch.where(buys, bids.data_size, 0),
    )


def linear(*costs: float) -> OwnerTypes:
    """Owners with two records at privacy budget 1 who cost this much in all: 2 * 2 * factor."""
    factor = torch.tensor([costs]).double() / 4
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(factor.shape, dtype=torch.int64), factor=factor),
        privacy_budget=torch.ones_like(factor),
        data_size=torch.full(factor.shape, 2),
    )


class Play:
    """Rounds of one strategy alone in the market."""

    def __init__(self, strategy: Strategy, types: OwnerTypes, rule: Callable[..., Outcome], **public: Any) -> None:
        self.strategy, self.types, self.rule = strategy, types, rule
        self.everybody = torch.arange(types.shape[1])
        self.public = PublicKnowledge(rule=rule, **public)
        self.generator = torch.Generator().manual_seed(0)
        self.price: float | None = None

    def view(self, **fields: Any) -> MarketView:
        owners = self.everybody
        given = {"price": self.price, "everybody": self.types.truthful_bids(), "row": owners, "owner": owners, **fields}
        announcement = Announcement(budget=BUDGET, parameters=torch.zeros(1).double(), round=0)
        return MarketView(announcement, owners, owners, len(owners), public=self.public, **given)

    def bid(self, **fields: Any) -> Bids:
        return self.strategy.bid(self.view(**fields), self.types, self.generator)

    def result(self, bids: Bids) -> RoundResult:
        outcome = self.rule(bids, torch.tensor([BUDGET]).double())
        return RoundResult(
            member=self.everybody,
            bids=bids,
            outcome=outcome,
            utility=self.types.utility(outcome)[0],
            types=self.types,
            budget=BUDGET,
            public=self.public,
            everybody=bids,
            row=self.everybody,
            price=self.price,
        )

    def round(self) -> RoundResult:
        result = self.result(self.bid())
        self.strategy.observe(result)
        return result


@pytest.fixture
def play() -> Callable[..., Play]:
    def make(
        kind: type[Strategy], costs: tuple[float, ...] = (4.0, 8.0), rule: Any = pays_what_is_asked, **options: Any
    ) -> Play:
        graph = options.pop("graph", None) or nx.complete_graph(len(costs))
        strategic = options.pop("strategic", frozenset({"valuation", "privacy_budget", "data_size"}))
        prior = options.pop("prior", None)
        strategy = kind(len(costs), **options)
        return Play(strategy, linear(*costs), rule, strategic=strategic, prior=prior, network=OwnerNetwork(graph))

    return make
