"""What every auction keeps, whoever adds it: found through the registry, never listed."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.base import Auction, MenuAuction
from agents.broker.auctions.registry import auction_classes, load_auction
from agents.broker.checking.contracts import absent_owners, deterministic, own_list, row_order, run_is_choice
from agents.broker.checking.hard_profiles import Profile, hard_profiles
from agents.misreports.generators import draw_misreports
from agents.prior import OwnerPrior
from agents.valuation import ParametricValuation

EVERY = list(auction_classes())
MENUS = [name for name, rule in auction_classes().items() if issubclass(rule, MenuAuction)]
HONEST_MENUS = [name for name in MENUS if not auction_classes()[name].planted]


@pytest.fixture(scope="module")
def every_profile() -> list[Profile]:
    generator = torch.Generator().manual_seed(3)
    prior = OwnerPrior()
    return [("random", *prior.sample(40, 10, generator)), *hard_profiles(prior, 6, generator)]


@pytest.fixture(params=EVERY)
def auction(request: pytest.FixtureRequest) -> Auction:
    return load_auction(request.param, prior=OwnerPrior())


@pytest.fixture
def profiles(auction: Auction, every_profile: list[Profile]) -> list[Profile]:
    """What the auction takes of the profiles; it must refuse the others, see below."""
    return [profile for profile in every_profile if auction.supports(profile[1].truthful_bids())]


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


def test_what_it_returns_are_ordinary_tensors(auction: Auction, profiles: list[Profile]) -> None:
    """They may be written into and take part in gradients, whatever mode the auction works in."""
    _, types, budget = profiles[0]
    bids = types.truthful_bids()
    returned = [auction.run(bids, budget)]
    if isinstance(auction, MenuAuction):
        returned += [auction.price_list(bids, budget), auction.chosen_instead(bids, budget, bids)]
    for value in returned:
        assert not any(getattr(value, name).is_inference() for name in value.__dataclass_fields__)


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


def test_neither_bids_nor_budgets_are_written_into(auction: Auction) -> None:
    """The reference scaled bids in place on the way to its baselines."""
    types, budget = OwnerPrior().sample(20, 10, torch.Generator().manual_seed(0))
    assert isinstance(types.valuation, ParametricValuation)
    arrays = [types.privacy_budget, types.data_size, types.valuation.factor, types.valuation.family, budget]
    before = [array.clone() for array in arrays]
    auction.run(types.truthful_bids(), budget, torch.Generator().manual_seed(0))
    assert all(torch.equal(one, other) for one, other in zip(before, arrays, strict=True))


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


def test_more_owners_than_it_takes_are_refused_and_absent_ones_do_not_count(
    auction: Auction, every_profile: list[Profile]
) -> None:
    types, budget = next((types, budget) for label, types, budget in every_profile if label == "25 owners")
    if auction.max_owners is None:
        assert auction.run(types.truthful_bids(), budget).payment.shape == types.shape
        return
    with pytest.raises(ValueError, match=f"a market of 25 owners.* at most {auction.max_owners}: invite fewer"):
        auction.run(types.truthful_bids(), budget)
    few = types.truthful_bids().replace(data_size=torch.where(torch.arange(25) < 3, types.data_size, 0))
    assert auction.run(few, budget).payment.shape == types.shape


def test_the_order_of_owners_means_nothing_where_that_is_claimed(auction: Auction, profiles: list[Profile]) -> None:
    _, types, budget = profiles[0]
    order = torch.tensor([3, 0, 9, 6, 2, 5, 8, 1, 7, 4])
    outcome = auction.run(types.truthful_bids(), budget)
    shuffled = auction.run(types.truthful_bids().take(owners=order), budget)
    same = all(
        torch.equal(getattr(outcome, part)[:, order], getattr(shuffled, part))
        for part in ("privacy_loss", "payment", "data_size")
    )
    assert same or not auction.anonymous


def test_the_profiles_hold_what_breaks_rules(every_profile: list[Profile]) -> None:
    by_name = {label: (types, budget) for label, types, budget in every_profile}
    assert {"1 owner", "2 owners", "25 owners", "no budget", "equal owners", "absent owners"} <= set(by_name)
    assert int(by_name["one giant"][0].data_size.max()) == 10**9
    # The lowest level for sale is 0.0625 or more in every grid.
    assert float(by_name["tiny privacy budgets"][0].privacy_budget.max()) <= 0.01


@pytest.mark.parametrize("owners", [1, 3, 30, 100])
def test_any_number_of_owners_is_served_or_refused(auction: Auction, owners: int) -> None:
    types, budget = OwnerPrior().sample(2, owners, torch.Generator().manual_seed(owners))
    truth = types.truthful_bids()
    if not auction.supports(truth):
        with pytest.raises(ValueError, match=f"a market of {owners} owners"):
            auction.run(truth, budget)
        return
    outcome = auction.run(truth, budget)
    assert not auction.guarantees.budget_feasible or bool((outcome.payment.sum(-1) <= budget).all())
    assert not auction.guarantees.individually_rational or float(types.utility(outcome).min()) >= 0


def test_bad_budgets_are_refused_with_a_remedy(auction: Auction, profiles: list[Profile]) -> None:
    truth = profiles[0][1].truthful_bids()
    with pytest.raises(ValueError, match=r"budget\[0\] = -1.0: every value must be 0 or more"):
        auction.run(truth, torch.full((40,), -1.0, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"budget has shape \[3\]; pass shape \[40\]"):
        auction.run(truth, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", MENUS)
def test_a_menu_auction_gives_everybody_her_choice_from_her_list(name: str, every_profile: list[Profile]) -> None:
    menu = load_auction(name)
    assert isinstance(menu, MenuAuction)
    assert [label for label, types, b in every_profile if run_is_choice(menu, types.truthful_bids(), b)] == []


LONG = ("ascending-menu", "residual-menu", "sequential-menu-full", "sequential-menu-verified")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.thorough] * (name in LONG)) for name in HONEST_MENUS]
)
def test_nobody_reaches_her_own_price_list(name: str, every_profile: list[Profile], generator: torch.Generator) -> None:
    menu = load_auction(name)
    assert isinstance(menu, MenuAuction)
    fields = menu.guarantees.truthful_in - menu.list_depends_on
    for label, types, budget in every_profile:
        few = types.take(rows=slice(0, 6)).truthful_bids()
        for misreports in draw_misreports(few, 7, generator, fields=fields):
            assert own_list(menu, few, misreports, budget[:6]) == 0, label
