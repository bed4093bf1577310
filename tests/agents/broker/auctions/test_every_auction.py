"""What every auction keeps, whoever adds it: found through the registry, never listed."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.base import Auction, MenuAuction
from agents.broker.auctions.contracts import absent_owners, deterministic, own_list, row_order, run_is_choice
from agents.broker.auctions.registry import auction_classes, load_auction
from agents.hard_profiles import Profile, hard_profiles
from agents.lies import lies_about
from agents.prior import OwnerPrior

EVERY = list(auction_classes())
MENUS = [name for name, rule in auction_classes().items() if issubclass(rule, MenuAuction)]
HONEST_MENUS = [name for name in MENUS if not auction_classes()[name].planted]


@pytest.fixture(scope="module")
def profiles() -> list[Profile]:
    generator = torch.Generator().manual_seed(3)
    prior = OwnerPrior()
    return [("random", *prior.sample(40, 10, generator)), *hard_profiles(prior, 6, generator)]


@pytest.fixture(params=EVERY)
def auction(request: pytest.FixtureRequest) -> Auction:
    return load_auction(request.param, prior=OwnerPrior())


def test_there_is_something_to_test() -> None:
    assert {"all-in", "proportional-share", "pay-as-bid", "fixed-share", "leaky-menu"} <= set(EVERY)


def test_an_outcome_has_the_shape_of_the_bids_and_stays_within_them(auction: Auction, profiles: list[Profile]) -> None:
    for _, types, budget in profiles:
        outcome = auction.run(types.truthful_bids(), budget)
        assert tuple(outcome.payment.shape) == types.shape
        assert bool((outcome.privacy_loss <= types.privacy_budget).all())
        assert bool((outcome.data_size <= types.data_size).all())
        assert torch.equal(outcome.sells, outcome.privacy_loss > 0)
        assert bool((outcome.payment[~outcome.sells] == 0).all())


def test_truthful_owners_never_lose_and_the_budget_is_kept_to_the_last_bit(
    auction: Auction, profiles: list[Profile]
) -> None:
    for label, types, budget in profiles:
        outcome = auction.run(types.truthful_bids(), budget)
        if auction.guarantees.individually_rational:
            assert float(types.utility(outcome).min()) >= 0, label
        if auction.guarantees.budget_feasible:
            assert bool((outcome.payment.sum(-1) <= budget).all()), label


def test_it_buys_something_when_there_is_money(auction: Auction, profiles: list[Profile]) -> None:
    _, types, budget = profiles[0]
    assert float(auction.run(types.truthful_bids(), budget).sells.double().mean()) > 0.1


def test_the_same_bids_give_the_same_bits(auction: Auction, profiles: list[Profile]) -> None:
    assert [label for label, types, b in profiles if deterministic(auction, types.truthful_bids(), b)] == []


def test_a_market_in_a_batch_gets_what_it_gets_alone(auction: Auction, profiles: list[Profile]) -> None:
    assert [label for label, types, b in profiles if row_order(auction, types.truthful_bids(), b)] == []


def test_absent_owners_change_nothing_for_the_others(auction: Auction, profiles: list[Profile]) -> None:
    assert [label for label, types, b in profiles if absent_owners(auction, types.truthful_bids(), b)] == []


def test_without_a_budget_or_without_owners_nothing_is_sold(auction: Auction, profiles: list[Profile]) -> None:
    _, types, budget = profiles[0]
    truth = types.truthful_bids()
    nobody = truth.take(owners=slice(0, 0))
    assert not bool(auction.run(truth, torch.zeros_like(budget)).sells.any())
    assert auction.run(nobody, budget).payment.shape == (40, 0)
    assert auction.run(truth.take(rows=slice(0, 0)), budget[:0]).payment.shape == (0, 10)


def test_bad_budgets_are_refused_with_a_remedy(auction: Auction, profiles: list[Profile]) -> None:
    truth = profiles[0][1].truthful_bids()
    with pytest.raises(ValueError, match=r"budget\[0\] = -1.0: every value must be 0 or more"):
        auction.run(truth, torch.full((40,), -1.0, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"budget has shape \[3\]; pass shape \[40\]"):
        auction.run(truth, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", MENUS)
def test_a_menu_auction_gives_everybody_her_choice_from_her_list(name: str, profiles: list[Profile]) -> None:
    menu = load_auction(name)
    assert isinstance(menu, MenuAuction)
    assert [label for label, types, b in profiles if run_is_choice(menu, types.truthful_bids(), b)] == []


@pytest.mark.parametrize("name", HONEST_MENUS)
def test_nobody_reaches_her_own_price_list(name: str, profiles: list[Profile], generator: torch.Generator) -> None:
    menu = load_auction(name)
    assert isinstance(menu, MenuAuction)
    for label, types, budget in profiles:
        few = types.take(rows=slice(0, 6)).truthful_bids()
        for lies in lies_about(few, 7, generator, fields=menu.guarantees.truthful_in):
            assert own_list(menu, few, lies, budget[:6]) == 0, label
