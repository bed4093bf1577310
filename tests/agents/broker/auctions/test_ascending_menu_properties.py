"""What the ascending menu promises whatever its network says: lists here are as wild as random weights make them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.auctions.parts import ascending_groups
from agents.broker.auctions.parts.ascending_groups import Group
from agents.broker.checking.hard_profiles import Profile, hard_profiles
from agents.misreports.generators import draw_misreports
from agents.misreports.search import gains
from agents.prior import SIZES, OwnerPrior
from agents.types import OwnerTypes
from tests.agents.broker.auctions.ascending_flaws import (
    AloneLikeEverybody,
    WithoutEarlierLists,
    WithoutLowerClasses,
    WithoutTheLine,
    wild_auction,
)

PRIOR = OwnerPrior()


def some_profiles(owners: int, seed: int, count: int = 6) -> tuple[OwnerTypes, torch.Tensor]:
    """Owners of any regime of sizes; in every second market some have equal ones."""
    generator = torch.Generator().manual_seed(seed)
    types, budget = OwnerPrior(sizes=SIZES[seed % len(SIZES)]).sample(count, owners, generator)
    tied = types.data_size.clone()
    tied[1::2, ::2] = types.data_size[1::2, :1]
    return OwnerTypes(types.valuation, types.privacy_budget, tied), budget


def choice_set(menu, row: int, owner: int, size: int) -> dict[tuple[float, float], int]:
    """Most records that an owner of ``size`` can sell at every (privacy loss, price) on her list."""
    best: dict[tuple[float, float], int] = {}
    entries = (menu.privacy_loss[row, owner], menu.price[row, owner], menu.records[row, owner].clamp(max=size))
    for loss, price, records in zip(*(entry.tolist() for entry in entries), strict=True):
        if records:
            best[loss, price] = max(records, best.get((loss, price), 0))
    return best


@settings(max_examples=25)
@given(
    owners=st.sampled_from([1, 2, 3, 4, 6, 10]),
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.02, 0.3, 0.5, 0.9, 0.999]),
)
def test_a_smaller_report_offers_nothing_that_the_truth_does_not(owners, seed, share):
    auction, (types, budget) = wild_auction(seed), some_profiles(owners, seed, count=2)
    truth = types.truthful_bids()
    smaller = (share * truth.data_size).long().clamp(min=1)
    honest = auction.price_list(truth, budget)
    for owner in range(owners):
        lied = auction.price_list(
            truth.replace(data_size=torch.where(torch.arange(owners) == owner, smaller, truth.data_size)), budget
        )
        for row in range(2):
            small, large = int(smaller[row, owner]), int(truth.data_size[row, owner])
            true_set = choice_set(honest, row, owner, large)
            for entry, records in choice_set(lied, row, owner, small).items():
                assert records <= true_set.get(entry, 0), (row, owner, entry)


@pytest.mark.parametrize("owners", [1, 2, 3, 10])
def test_no_list_depends_on_its_owner_s_valuation_or_privacy_budget(owners):
    auction, (types, budget) = wild_auction(1), some_profiles(owners, seed=2)
    truth, generator = types.truthful_bids(), torch.Generator().manual_seed(0)
    honest = auction.price_list(truth, budget)
    for misreports in draw_misreports(truth, 4, generator, fields={"valuation", "privacy_budget"}):
        for owner in range(owners):
            here = (torch.arange(owners) == owner).expand(truth.shape)
            lied = auction.price_list(misreports.where(here, truth), budget)
            assert torch.equal(honest.price[:, owner], lied.price[:, owner])
            assert torch.equal(honest.records[:, owner], lied.records[:, owner])


def test_a_list_stays_the_same_while_its_owner_keeps_her_place_and_is_not_the_largest():
    auction = wild_auction(3)
    types, budget = OwnerPrior().sample(20, 6, torch.Generator().manual_seed(4))
    truth = types.truthful_bids()
    honest = auction.price_list(truth, budget)
    order = truth.data_size[:, :5].argsort(dim=-1, stable=True)  # the first group
    for place in range(4):
        owner = order[:, place, None]
        own = truth.data_size.gather(1, owner)
        below = truth.data_size.gather(1, order[:, place - 1, None]) if place else torch.zeros_like(owner)
        moved = truth.replace(data_size=truth.data_size.scatter(1, owner, torch.minimum(below + 1, own)))
        lied = auction.price_list(moved, budget)
        rows = torch.arange(20)
        assert torch.equal(honest.price[rows, owner[:, 0]], lied.price[rows, owner[:, 0]])
        assert torch.equal(honest.records[rows, owner[:, 0]], lied.records[rows, owner[:, 0]])


def test_a_list_s_bits_do_not_depend_on_the_worlds_played_beside_it(monkeypatch):
    auction, (types, budget) = wild_auction(5), OwnerPrior().sample(40, 10, torch.Generator().manual_seed(6))
    truth = types.truthful_bids()
    few = auction.price_list(truth, budget)
    message = Group.message
    monkeypatch.setattr(
        Group,
        "message",
        lambda group, classes: (torch.zeros_like(group.members), message(group, classes)[1]),  # play all of them
    )
    every = auction.price_list(truth, budget)
    largest = torch.zeros(truth.shape, dtype=torch.bool)
    largest[torch.arange(40), truth.data_size[:, :8].argsort(dim=-1, stable=True)[:, -1]] = True
    first = torch.arange(10) < 8
    others = first & ~largest
    assert torch.equal(few.price[others], every.price[others])
    assert torch.equal(few.records[others], every.records[others])


def _search(auction: AscendingMenu, owners: int, seed: int, lies: int) -> tuple[int, int]:
    """How many lies gain, and of how many."""
    types, budget = some_profiles(owners, seed)
    truth = types.truthful_bids()
    gained = tried = 0
    for misreports in draw_misreports(truth, lies, torch.Generator().manual_seed(seed)):
        found = gains(auction, types, budget, misreports, rerun=True)
        gained, tried = gained + int((found > 0).sum()), tried + found.numel()
    return gained, tried


@pytest.mark.parametrize("owners", [1, 2, 3, 6, 10])
def test_no_lie_in_any_field_gains_anything(owners):
    for seed in range(4):
        assert _search(wild_auction(seed), owners, seed, lies=14)[0] == 0


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flawed", "owners"), [(WithoutLowerClasses, 6), (WithoutEarlierLists, 6), (AloneLikeEverybody, 3)]
)
def test_every_part_of_the_choice_set_is_needed(flawed, owners):
    assert sum(_search(wild_auction(seed, kind=flawed), owners, seed, lies=28)[0] for seed in range(4)) > 0


def _overspends(auction: AscendingMenu, profiles: Iterable[Profile]) -> bool:
    """Whether more than the budget is paid when everybody tells the truth or everybody lies."""
    generator = torch.Generator().manual_seed(8)
    for _, types, budget in profiles:
        truth = types.truthful_bids()
        for bids in (truth, *draw_misreports(truth, 3, generator)):
            try:
                payment = auction.run(bids, budget).payment.sum(-1)
            except ValueError:  # what is left is negative, and its logarithm no number
                return True
            if bool((payment > budget).any()):
                return True
    return False


@pytest.mark.thorough
def test_nothing_is_overspent_with_the_money_line_but_without():
    generator = torch.Generator().manual_seed(8)
    profiles = [("random", *PRIOR.sample(60, 8, generator)), *hard_profiles(PRIOR, 6, generator)]
    for kind, overspends in ((AscendingMenu, False), (WithoutTheLine, True)):
        auctions = [wild_auction(seed, spread=0.8, kind=kind) for seed in range(3)]
        assert any(_overspends(auction, profiles) for auction in auctions) is overspends


@pytest.mark.parametrize("alone", [0, 2])
def test_blocks_of_owners_keep_every_promise(alone, monkeypatch):
    # As with thousands of owners, but few enough to try many lies: blocks of three owners.
    monkeypatch.setattr(ascending_groups, "MAX_ALONE", 4)
    monkeypatch.setattr(ascending_groups, "LARGEST_ALONE", alone)
    for seed in range(3):
        auction, (types, budget) = wild_auction(seed), some_profiles(10, seed)
        assert _search(auction, 10, seed, lies=14)[0] == 0
        outcome = auction.run(types.truthful_bids(), budget)
        assert bool((outcome.payment.sum(-1) <= budget).all())
        chosen = auction.price_list(types.truthful_bids(), budget).choose(types.truthful_bids())
        assert all(torch.equal(getattr(chosen, part), getattr(outcome, part)) for part in ("payment", "data_size"))


@pytest.mark.parametrize("alone", [0, 2])
def test_markets_with_blocks_of_different_sizes_get_what_they_get_alone(alone, monkeypatch):
    monkeypatch.setattr(ascending_groups, "MAX_ALONE", 4)
    monkeypatch.setattr(ascending_groups, "LARGEST_ALONE", alone)
    auction, (types, budget) = wild_auction(2), some_profiles(14, seed=1)
    size = types.data_size.clone()
    for row in range(len(size)):
        size[row, 14 - 2 * row :] = 0  # 14, 12, 10, ... owners
    bids = types.truthful_bids().replace(data_size=size)
    together = auction.run(bids, budget)
    for row in range(len(size)):
        there = bids.take(rows=slice(row, row + 1), owners=slice(0, 14 - 2 * row))
        alone_there = auction.run(there, budget[row : row + 1])
        assert torch.equal(together.payment[row, : 14 - 2 * row], alone_there.payment[0])


def test_a_thousand_owners_are_served_in_blocks():
    types, budget = PRIOR.sample(1, 1000, torch.Generator().manual_seed(0))
    outcome = wild_auction().run(types.truthful_bids(), budget)
    assert float(outcome.payment.sum()) <= float(budget)
    assert float(types.utility(outcome).min()) >= 0
    assert int(outcome.sells.sum()) > 10


def test_who_overstates_her_size_can_gain():
    """Why the market must refuse reports above what an owner has: the one thing that this rule relies on."""
    gained = 0
    for seed in range(4):
        auction, (types, budget) = wild_auction(seed), some_profiles(6, seed)
        truth = types.truthful_bids()
        honest = types.utility(auction.run(truth, budget))
        for owner in range(6):
            lied = torch.where(torch.arange(6) == owner, 2 * truth.data_size, truth.data_size)
            outcome = auction.run(truth.replace(data_size=lied), budget)
            deliverable = outcome.data_size[:, owner] <= truth.data_size[:, owner]
            better = types.utility(outcome)[:, owner] > honest[:, owner]
            gained += int((deliverable & better).sum())
    assert gained > 0


@pytest.mark.thorough
def test_a_lie_about_size_is_played_again_where_it_moves_the_list():
    """Choices from the truthful list say nothing about such a lie: flaws are found without asking for reruns."""
    found = 0
    for seed in range(4):
        types, budget = some_profiles(6, seed)
        for misreports in draw_misreports(types.truthful_bids(), 14, torch.Generator().manual_seed(seed)):
            by_list = gains(wild_auction(seed, kind=WithoutLowerClasses), types, budget, misreports)
            assert torch.equal(
                by_list, gains(wild_auction(seed, kind=WithoutLowerClasses), types, budget, misreports, rerun=True)
            )
            found += int((by_list > 0).sum())
    assert found > 0
