"""A hundred thousand owners in one auction: seconds, and the memory of the whole process."""

from __future__ import annotations

import resource

import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior

OWNERS = 100_000


@pytest.mark.parametrize(
    "name", ["all-in", "sequential-menu", "sequential-menu-verified", "residual-menu", "equivariant-menu"]
)
def test_one_market_of_a_hundred_thousand(name, benchmark, capsys):
    prior = OwnerPrior(records=126 * OWNERS, owners=OWNERS)
    types, budget = prior.sample(1, OWNERS, torch.Generator().manual_seed(1))
    auction, bids = load_auction(name, prior), types.truthful_bids()
    outcome = benchmark.pedantic(lambda: auction.run(bids, budget), rounds=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    with capsys.disabled():
        print(f"\n{name}, 1 x {OWNERS}: {benchmark.stats['mean']:.1f} s, process {peak:.2f} GB at most so far")
    assert bool((outcome.payment.sum(-1) <= budget).all())
    assert float(types.utility(outcome).min()) >= 0
    assert peak <= 2
