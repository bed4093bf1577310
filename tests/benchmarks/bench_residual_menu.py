"""The residual-budget menu: speed in many small markets and in a large one, and of checking it."""

from __future__ import annotations

import torch

from agents.broker.auctions.registry import load_auction
from agents.broker.checking.check import check_auction
from agents.prior import OwnerPrior

NAME = "residual-menu"


def test_profiles_of_ten_in_one_batch(benchmark):
    types, budget = OwnerPrior().sample(2_000, 10, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark.pedantic(lambda: auction.run(bids, budget), rounds=5, warmup_rounds=1)


def test_one_market_of_ten(benchmark):
    types, budget = OwnerPrior().sample(1, 10, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark(lambda: auction.run(bids, budget))


def test_one_market_of_a_hundred_thousand(benchmark):
    types, budget = OwnerPrior().sample(1, 100_000, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark.pedantic(lambda: auction.run(bids, budget), rounds=2)


def test_checking_it(benchmark):
    report = benchmark.pedantic(lambda: check_auction(NAME, profiles=60, misreports=60), rounds=1)
    assert report.ok, str(report)
