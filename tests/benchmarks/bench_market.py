"""How long a market takes: a hundred rounds on NSL-KDD with all statistics, and a thousand bidders in one round.

Run with ``FL_MARKET_DATA=DIRECTORY pytest tests/benchmarks/bench_market.py``; without the directory of the NSL-KDD
files that part is skipped. One torch thread: the arrays of ten bidders are too small to be worth a second one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from market_sim import FLMarket

DEVIATORS = {
    "truthful": 0.6,
    "scaled-valuation": 0.1,
    "understated-privacy-budget": 0.1,
    "understated-data-size": 0.1,
    "random-misreport": 0.1,
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def timed(benchmark: Any, steps: int, repetitions: int, **fields: Any) -> FLMarket:
    """Time ``steps`` rounds of fresh markets, started and warmed up by one round beforehand."""
    markets = []

    def start() -> tuple[tuple[FLMarket], dict[str, Any]]:
        markets.append(FLMarket(seed=len(markets), strategies=DEVIATORS, **fields))
        markets[-1].step()
        return (markets[-1],), {}

    def play(market: FLMarket) -> None:
        for _ in range(steps):
            market.step()

    benchmark.pedantic(play, setup=start, rounds=repetitions)
    return markets[-1]


@pytest.mark.skipif("FL_MARKET_DATA" not in os.environ, reason="FL_MARKET_DATA names no directory of NSL-KDD files")
@pytest.mark.parametrize("auction", ["sequential-menu", "all-in"])
@pytest.mark.parametrize("owners", [100, 1000])
def test_a_hundred_rounds_of_ten_bidders_on_nsl_kdd(benchmark: Any, auction: str, owners: int) -> None:
    """Goal: at most 1.0 s after start-up on two cores (the published code needs 2.1 s without statistics)."""
    market = timed(benchmark, 100, 5, task="nsl-kdd", owners=owners, bidders=10, rounds=101, auction=auction)
    assert len(market.tables()["trades"]["owner"]) == 1010
    assert None not in market.tables()["rounds"]["test_accuracy"]


@pytest.mark.parametrize("auction", ["sequential-menu", "all-in", "leaky-menu"])
def test_a_thousand_bidders_in_one_round(benchmark: Any, auction: str) -> None:
    """Goal: at most 2 s, counterfactuals of 400 liars included."""
    market = timed(benchmark, 1, 5, task="synthetic", owners=2000, bidders=1000, auction=auction)
    assert len(market.tables()["trades"]["owner"]) == 2000
