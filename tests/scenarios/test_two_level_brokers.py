"""Few owners split among few brokers."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.messages import Outcome
from agents.prior import OwnerPrior
from agents.upload_terms import UploadTerms
from analysis.two_level import PARTS, Brokers
from market_sim.campaign.workers import Workers
from scenarios.two_level_brokers import run

OWNERS = 23
TERMS = UploadTerms("privunit", dimension=10, clip="record", error_bound="full")


def market(brokers: int, auction: str = "sequential-menu") -> Brokers:
    prior = OwnerPrior(records=126 * OWNERS, owners=OWNERS, budgets="independent", budget_factor=(0.5, 0.5))
    types, budget = prior.sample(1, OWNERS, torch.Generator().manual_seed(1))
    return Brokers.run(load_auction(auction, prior), types, budget, brokers, torch.Generator().manual_seed(2))


def test_every_broker_runs_the_auction_on_its_own_owners_with_its_part_of_the_budget():
    split = market(3)
    assert sorted(torch.cat(split.members).tolist()) == list(range(OWNERS))
    assert sorted(map(len, split.members)) == [7, 8, 8]
    for those in split.members:
        alone = split.auction.run(split.types.truthful_bids().take(owners=those), split.budget)
        mine = Outcome(*(getattr(split.outcome, name)[:, those] for name in PARTS))
        assert all(torch.equal(getattr(alone, name), getattr(mine, name)) for name in PARTS)
        assert float(mine.payment.sum()) <= float(split.budget)


def test_one_level_and_two_are_the_same_with_one_broker_and_one_is_never_worse():
    together, apart = market(1).error_bounds(TERMS)
    assert together == pytest.approx(apart, rel=1e-9)
    together, apart = market(3).error_bounds(TERMS)
    assert together <= apart * (1 + 1e-12)


def test_no_lie_gains_under_the_menu_and_one_does_where_everybody_is_paid_what_she_asks():
    owners = torch.arange(6)
    assert float(market(3).gains_of_lies(owners).max()) <= 0
    assert float(market(3, "pay-as-bid").gains_of_lies(owners).max()) > 0


def test_who_moves_is_sold_to_as_if_she_had_been_there():
    split = market(3)
    owner = int(split.members[0][0])
    gains = split.gains_of_moving(torch.tensor([owner]), 3, torch.Generator().manual_seed(0))
    assert int(gains.isnan().sum()) == 1
    by_hand = []
    for those in split.members[1:]:
        there = torch.cat([those, torch.tensor([owner])]).sort().values
        types = split.types.take(owners=there)
        worth = types.utility(split.auction.run(types.truthful_bids(), split.budget))[0][there == owner]
        had = split.types.utility(split.outcome)[0, owner]
        by_hand.append(float((worth - had) / split.types.cost_at_own_budget()[0, owner]))
    assert sorted(gains[~gains.isnan()].tolist()) == pytest.approx(sorted(by_hand))
    assert market(1).gains_of_moving(torch.tensor([owner]), 3, torch.Generator()).shape == (1, 0)


def test_what_goes_from_level_to_level():
    split = market(3)
    sellers = int((split.outcome.privacy_loss_sold > 0).sum())
    assert sum(split.bytes_in(TERMS)) == 32 * OWNERS + 80 * sellers
    assert split.bytes_between(TERMS) == 3 * 96
    assert market(1).bytes_between(TERMS) == 0
    with pytest.raises(ValueError, match="brokers = 24"):
        market(24)


def test_the_scenario_says_what_a_split_costs(tmp_path):
    settings = {"progress": False, "owners": 40, "brokers": (1, 4), "repetitions": 2, "workers": Workers(1)}
    answer = run(out=tmp_path / "one", **settings)
    one, four = answer.figures["what the buyer gets"]
    assert (one["bound_over_one"], one["two_levels_over_one"]) == pytest.approx((1, 1))
    assert four["two_levels_over_one"] >= four["bound_over_one"] > 0
    assert all(row["best_lie"] <= 0 for row in answer.figures["what owners could gain"])
    assert "another broker would have brought" in answer.figures["sentences"][1]
    run(out=tmp_path / "two", **settings)
    one, two = (tmp_path / folder / "two-level-brokers.png" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert len(answer.figures["time"]) == 2
