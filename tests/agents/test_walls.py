"""Broker and buyer are functions of messages: a round runs though neither may look at the model."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from mesa import Agent

import agents.broker.broker
import agents.broker.error_bound
from agents.broker.error_bound import counted_share
from agents.messages import Aggregate, Announcement, Bids, Outcome, Upload
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

    def share(terms: UploadTerms, outcome: Outcome, data_size: torch.Tensor) -> torch.Tensor:
        sizes.append(data_size)
        return counted_share(terms, outcome, data_size)

    def bound(*_: Any) -> torch.Tensor:
        raise AssertionError("the broker was asked for a bound, which is made of true sizes")

    monkeypatch.setattr(agents.broker.broker, "counted_share", share)
    for module in (agents.broker.broker, agents.broker.error_bound):
        monkeypatch.setattr(module, "aggregate_error_bound", bound, raising=False)
    return sizes


@pytest.mark.parametrize("auction", ["all-in", "sequential-menu"])
@pytest.mark.parametrize("clip", ["record", "owner"])
def test_a_round_runs_with_broker_and_buyer_behind_a_wall(auction: str, clip: str, asked: list[torch.Tensor]) -> None:
    market = FLMarket(owners=12, bidders=6, rounds=3, buyers=2, auction=auction, clip=clip, strategies=DEVIATORS)
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
    market = FLMarket(owners=3, bidders=3, auction="all-in")
    market.broker.model = Wall()
    with pytest.raises(AssertionError, match=r"looked over the wall: .model.population"):
        _ = market.broker.model.population
    watch(market.broker, set())
    with pytest.raises(AssertionError, match="trade was handed a OwnerTypes"):
        market.broker.trade(market.population.types)
    with pytest.raises(AssertionError, match="weigh was handed a Tensor"):
        market.broker.weigh(market.population.types.data_size)
