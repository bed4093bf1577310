"""What each strategy says, on three owners, and the contract that every registered strategy keeps."""

from __future__ import annotations

import dataclasses

import networkx as nx
import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.messages import Announcement, Bids, Outcome
from agents.network import OwnerNetwork
from agents.owner.strategies.base import MarketView, PublicKnowledge, RoundResult
from agents.owner.strategies.registry import list_strategies, load_strategy, strategy_classes
from agents.owner.strategies.scaled_valuation import ScaledValuation
from agents.owner.strategies.understated_data_size import UnderstatedDataSize
from agents.owner.strategies.understated_privacy_budget import UnderstatedPrivacyBudget
from agents.owner.strategy_shares import list_options
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation, TabulatedValuation, tabulated

PAY_AS_BID = load_auction("pay-as-bid").run

THREE = OwnerTypes(
    valuation=ParametricValuation(family=torch.tensor([[0, 1, 2]]), factor=torch.tensor([[1.0, 0.5, 2.0]]).double()),
    privacy_budget=torch.tensor([[0.5, 1.0, 2.0]]).double(),
    data_size=torch.tensor([[1, 5, 100]]),
)


def view(everybody: OwnerTypes, place: list[int] | None = None, graph: nx.Graph | None = None) -> MarketView:
    """What bidders see who follow one strategy, among others who tell the truth; by default nobody knows another."""
    bidders = everybody.shape[1]
    places = torch.tensor(place) if place else torch.arange(bidders)
    return MarketView(
        announcement=Announcement(budget=10.0, parameters=torch.zeros(4).double(), round=0),
        member=torch.arange(len(places)),
        place=places,
        bidders=bidders,
        public=PublicKnowledge(
            rule=PAY_AS_BID,
            prior=OwnerPrior(records=3000, owners=max(1, bidders)),
            network=OwnerNetwork(graph or nx.empty_graph(bidders)),
        ),
        owner=places,
        everybody=everybody.truthful_bids(),
        row=places,
    )


def says(name: str, types: OwnerTypes = THREE, seed: int = 0) -> Bids:
    return load_strategy(name, types.shape[1]).bid(view(types), types, torch.Generator().manual_seed(seed))


def test_truthful_says_what_is() -> None:
    bids = says("truthful")
    assert bids.valuation is THREE.valuation
    assert bids.privacy_budget.tolist() == [[0.5, 1.0, 2.0]]
    assert bids.data_size.tolist() == [[1, 5, 100]]


def test_scaled_valuation_asks_half_as_much_again() -> None:
    bids = says("scaled-valuation")
    assert bids.valuation.family.tolist() == [[0, 1, 2]]
    assert bids.valuation.factor.tolist() == [[1.5, 0.75, 3.0]]
    assert bids.privacy_budget.tolist() == [[0.5, 1.0, 2.0]]
    assert bids.data_size.tolist() == [[1, 5, 100]]


def test_scaled_valuation_scales_tables_too() -> None:
    table = tabulated(THREE.valuation, [1.0, 2.0])
    types = OwnerTypes(valuation=table, privacy_budget=THREE.privacy_budget, data_size=THREE.data_size)
    said = says("scaled-valuation", types).valuation
    assert isinstance(said, TabulatedValuation)
    assert torch.equal(said.cost, 1.5 * table.cost)


def test_understated_privacy_budget_halves_it() -> None:
    bids = says("understated-privacy-budget")
    assert bids.valuation is THREE.valuation
    assert bids.privacy_budget.tolist() == [[0.25, 0.5, 1.0]]
    assert bids.data_size.tolist() == [[1, 5, 100]]


def test_understated_data_size_halves_it_rounding_down_but_never_to_none() -> None:
    bids = says("understated-data-size")
    assert bids.valuation is THREE.valuation
    assert bids.privacy_budget.tolist() == [[0.5, 1.0, 2.0]]
    assert bids.data_size.tolist() == [[1, 2, 50]]


def test_random_misreport_lies_in_everything_within_its_ranges() -> None:
    types = OwnerPrior(records=100_000, owners=500).population(torch.Generator().manual_seed(1))
    bids = says("random-misreport", types)
    ratio = bids.valuation.factor / types.valuation.factor
    assert 0.5 <= ratio.min() < 0.55
    assert 1.9 < ratio.max() <= 2.0
    assert (bids.privacy_budget / types.privacy_budget).max() < 1
    assert (bids.privacy_budget / types.privacy_budget).mean() == pytest.approx(0.5, abs=0.05)
    assert bids.data_size.min() >= 1
    assert not torch.equal(says("random-misreport", types, seed=1).privacy_budget, bids.privacy_budget)


@pytest.mark.parametrize("make", [UnderstatedPrivacyBudget, UnderstatedDataSize])
def test_nobody_may_overstate(make: type) -> None:
    with pytest.raises(ValueError, match=r"share = 1.5: pass a number between 0 and 1"):
        make(3, share=1.5)


def test_a_scale_may_not_be_negative() -> None:
    with pytest.raises(ValueError, match=r"by = -1"):
        ScaledValuation(3, by=-1.0)


def test_an_unknown_strategy_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'truthful'"):
        load_strategy("truthfull", 3)


@pytest.mark.parametrize("name", list_strategies())
class TestEveryStrategy:
    """The contract: legal, repeatable, paired bids that leave the truth as it was."""

    def test_bids_no_more_than_there_is(self, name: str) -> None:
        types = OwnerPrior(records=3000, owners=40).population(torch.Generator().manual_seed(2))
        seen = view(types, graph=nx.cycle_graph(40))
        bids = load_strategy(name, 40).bid(seen, types, torch.Generator().manual_seed(0))
        assert bids.shape == types.shape
        assert (bids.privacy_budget <= types.privacy_budget).all()
        assert (bids.data_size <= types.data_size).all()
        assert (bids.data_size >= 1).all()

    def test_says_the_same_with_the_same_generator(self, name: str) -> None:
        first, second = says(name, seed=3), says(name, seed=3)
        assert torch.equal(first.valuation.factor, second.valuation.factor)
        assert torch.equal(first.privacy_budget, second.privacy_budget)
        assert torch.equal(first.data_size, second.data_size)

    def test_a_bid_depends_on_the_place_and_not_on_who_else_follows_the_strategy(self, name: str) -> None:
        everybody = says(name, seed=4)
        last = load_strategy(name, 1).bid(
            view(THREE, place=[2]), THREE.take(owners=torch.tensor([2])), torch.Generator().manual_seed(4)
        )
        assert last.valuation.factor[0, 0] == everybody.valuation.factor[0, 2]
        assert last.privacy_budget[0, 0] == everybody.privacy_budget[0, 2]
        assert last.data_size[0, 0] == everybody.data_size[0, 2]

    def test_leaves_the_truth_alone(self, name: str) -> None:
        types = THREE.take()
        says(name, types)
        assert torch.equal(types.privacy_budget, THREE.privacy_budget)
        assert torch.equal(types.data_size, THREE.data_size)
        assert torch.equal(types.valuation.factor, THREE.valuation.factor)

    def test_takes_one_owner_and_no_owner(self, name: str) -> None:
        assert says(name, THREE.take(owners=slice(0, 1))).shape == (1, 1)
        assert says(name, THREE.take(owners=slice(0, 0))).shape == (1, 0)

    def test_beyond_the_bid_it_keeps_the_rules(self, name: str) -> None:
        types = OwnerPrior(records=3000, owners=40).population(torch.Generator().manual_seed(2))
        strategy, seen = load_strategy(name, 40), view(types, graph=nx.cycle_graph(40))
        parts = strategy.identities(seen, types)
        assert parts.dtype == torch.int64
        assert (parts >= 0).all()
        assert (parts.sum(0) <= types.data_size[0]).all()
        bids = strategy.bid(seen, types, torch.Generator().manual_seed(0))
        outcome = PAY_AS_BID(bids, [10.0])
        sold = outcome.privacy_loss[0]
        used = strategy.upload(seen, sold)
        assert (used <= sold).all()
        assert torch.equal(used > 0, sold > 0)
        result = result_of(types, bids, outcome, seen)
        paid = strategy.settle(result)
        assert paid.shape == (40,)
        assert paid.sum().abs() <= 1e-9 * paid.abs().sum()
        strategy.observe(dataclasses.replace(result, transfer=paid))

    def test_its_options_are_keywords_with_defaults(self, name: str) -> None:
        for option, default in list_options(strategy_classes()[name]).items():
            assert isinstance(default, int | float | str), option


def result_of(types: OwnerTypes, bids: Bids, outcome: Outcome, seen: MarketView) -> RoundResult:
    return RoundResult(
        member=seen.member,
        bids=bids,
        outcome=outcome,
        utility=types.utility(outcome)[0],
        types=types,
        budget=10.0,
        public=seen.public,
        everybody=bids,
        row=seen.place,
    )


@pytest.mark.parametrize("name", list_strategies())
def test_every_strategy_says_in_numbers_who_acts_together(name: str) -> None:
    strategy, seen = load_strategy(name, 3), view(THREE, graph=nx.complete_graph(3))
    strategy.bid(seen, THREE, torch.Generator().manual_seed(0))
    groups = strategy.groups(seen)
    assert (groups.dtype, tuple(groups.shape)) == (torch.int64, (3,))
    assert bool((groups >= -1).all())
    # Of the strategies of this project only rings act together; all three acquaintances met, so they are one.
    assert groups.unique().tolist() == ([0] if name == "collusion-ring" else [-1])
