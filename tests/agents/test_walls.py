"""Broker and buyer are functions of messages: a round runs though neither may look at the model."""

from __future__ import annotations

import functools
import gc
import inspect
import types
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from mesa import Agent

import agents.broker.broker
import agents.broker.error_bound
from agents.broker.aggregation import upload_weights
from agents.broker.auctions.all_in import AllIn
from agents.messages import Aggregate, Announcement, Bids, Outcome, Upload
from agents.owner.groups import StrategyGroups
from agents.owner.population import OwnerPopulation
from agents.owner.strategies.base import Strategy
from agents.upload_terms import UploadTerms
from market_sim import FLMarket

MESSAGES = (Announcement, Bids, Outcome, Upload, Aggregate, torch.Generator, float, int)
"""Besides arrays of real numbers: weights and variances. Counts of records cross inside of messages only."""

DEVIATORS = {"truthful": 0.5, "scaled-valuation": 0.2, "understated-data-size": 0.2, "random-misreport": 0.1}


class Wall:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"looked over the wall: .model.{name}")


def watch(agent: Agent, seen: set[type]) -> None:
    """Check the type of everything that the agent's methods are handed, and note it."""
    for name, _ in inspect.getmembers(type(agent), inspect.isfunction):
        if not name.startswith("_") and name in vars(type(agent)):
            setattr(agent, name, _checked(getattr(agent, name), seen))


def _checked(method: Callable[..., Any], seen: set[type]) -> Callable[..., Any]:
    @functools.wraps(method)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            real = isinstance(value, torch.Tensor) and value.dtype == torch.float64
            assert real or isinstance(value, MESSAGES), f"{method.__name__} was handed a {type(value).__name__}"
            seen.add(type(value))
        return method(*args, **kwargs)

    return checked


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Notes the data sizes that the broker asks about; whoever asks her for the bound of true ones is stopped."""
    sizes: list[torch.Tensor] = []

    def weights(
        aggregation: str, terms: UploadTerms, outcome: Outcome, data_size: torch.Tensor, variance: torch.Tensor
    ) -> torch.Tensor:
        sizes.append(data_size)
        return upload_weights(aggregation, terms, outcome, data_size, variance)

    def bound(*_: Any) -> torch.Tensor:
        raise AssertionError("the broker was asked for a bound, which is made of true sizes")

    monkeypatch.setattr(agents.broker.broker, "upload_weights", weights)
    for module in (agents.broker.broker, agents.broker.error_bound):
        monkeypatch.setattr(module, "aggregate_error_bound", bound, raising=False)
    return sizes


@pytest.mark.parametrize("auction", ["all-in", "sequential-menu"])
@pytest.mark.parametrize("clip", ["record", "owner"])
def test_a_round_runs_with_broker_and_buyer_behind_a_wall(auction: str, clip: str, asked: list[torch.Tensor]) -> None:
    market = FLMarket(
        owners=12, bidders=6, rounds=3, buyers=2, auction=auction, clip=clip, strategies=DEVIATORS, seed=0
    )
    handed: dict[str, set[type]] = {"broker": set(), "buyer": set()}
    for agent, name in ((market.broker, "broker"), *((buyer, "buyer") for buyer in market.buyers)):
        agent.model = Wall()
        watch(agent, handed[name])
    for _ in range(3):
        market.step()
    assert {Bids, Announcement, Outcome, Upload} <= handed["broker"]
    assert handed["buyer"] == {float, int, torch.Generator, Aggregate}
    said = market.tables()["trades"]
    assert torch.cat([sizes[0] for sizes in asked]).tolist() == said["reported_data_size"]
    assert said["reported_data_size"] != said["data_size"]


def test_the_wall_would_be_noticed() -> None:
    market = FLMarket(owners=3, bidders=3, auction="all-in", seed=0)
    market.broker.model = Wall()
    with pytest.raises(AssertionError, match=r"looked over the wall: .model.population"):
        _ = market.broker.model.population
    watch(market.broker, set())
    with pytest.raises(AssertionError, match="trade was handed a OwnerTypes"):
        market.broker.trade(market.population.types)
    with pytest.raises(AssertionError, match="weigh was handed a Tensor"):
        market.broker.weigh(market.population.types.data_size)


def reachable(root: object) -> list[object]:
    """Everything that attributes, containers, closures, defaults and generators lead to from an object."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, type | types.ModuleType | str | bytes | torch.Tensor):
            continue
        seen[id(item)] = item
        if isinstance(item, types.FunctionType):
            # Its module's names are not handed over with it.
            waiting += [item.__closure__, item.__defaults__, item.__kwdefaults__, item.__dict__]
        else:
            waiting += gc.get_referents(item)
    return list(seen.values())


class Nosy(Strategy):
    """Keeps all that it is handed."""

    name: ClassVar[str] = "nosy"
    moves_last: ClassVar[bool] = True
    needs_network: ClassVar[bool] = True
    handed: ClassVar[list[object]] = []

    def identities(self, *handed: Any) -> torch.Tensor:
        self.handed.extend(handed)
        return super().identities(*handed)

    def bid(self, *handed: Any) -> Bids:
        self.handed.extend(handed)
        return handed[1].truthful_bids()

    def groups(self, *handed: Any) -> torch.Tensor:
        self.handed.extend(handed)
        return super().groups(*handed)

    def upload(self, *handed: Any) -> torch.Tensor:
        self.handed.extend(handed)
        return super().upload(*handed)

    def settle(self, *handed: Any) -> torch.Tensor:
        self.handed.extend(handed)
        return super().settle(*handed)

    def observe(self, *handed: Any) -> None:
        self.handed.extend(handed)


class NosyRule(AllIn):
    """Keeps all that it is handed."""

    name: ClassVar[str] = "nosy-rule"
    handed: ClassVar[list[object]] = []

    def allocate(self, *handed: Any) -> Outcome:
        self.handed.extend(handed)
        return super().allocate(*handed)


def test_nothing_that_strategies_and_rules_are_handed_leads_to_the_model() -> None:
    Nosy.handed.clear()
    NosyRule.handed.clear()
    market = FLMarket(
        owners=12, bidders=6, auction=NosyRule(), network="ring", strategies={"truthful": 0.5, Nosy: 0.5}, seed=0
    )
    for _ in range(2):
        market.step()
    private = FLMarket | Agent | OwnerPopulation | StrategyGroups
    for handed in (Nosy.handed, NosyRule.handed):
        assert len(handed) > 3
        assert not [type(item).__name__ for item in reachable(handed) if isinstance(item, private)]


def test_a_path_to_the_model_would_be_found() -> None:
    market = FLMarket(owners=3, bidders=3, auction="all-in", seed=0)
    for path in ([lambda: market], {"agent": market.broker}, functools.partial(print, market), (x for x in [market])):
        assert market in [item for item in reachable(path) if isinstance(item, FLMarket)]


def test_no_call_before_the_auction_reaches_the_brokers_rule() -> None:
    """Strategies reason with one copy of the rule and counterfactuals call another."""
    calls = []

    class Counting(AllIn):
        name: ClassVar[str] = "counting"

        def allocate(self, *handed: Any) -> Outcome:
            calls.append(id(self))
            return super().allocate(*handed)

    market = FLMarket(
        owners=12,
        bidders=6,
        auction=Counting(),
        strategies={"best-response": 0.5, "scaled-valuation": 0.5},
        seed=0,
    )
    market.step()
    assert calls.count(id(market.broker.auction)) == 1
    assert len(set(calls)) == 3
