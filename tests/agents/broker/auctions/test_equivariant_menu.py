"""One network for any number of owners: alike for all, within the budget, and blind to what it promises not to see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.check import check_auction
from agents.broker.auctions.checkpoint import SHIPPED
from agents.broker.auctions.equivariant_menu import EquivariantMenu
from agents.broker.auctions.equivariant_network import EquivariantNetwork, Market, Purchases
from agents.broker.auctions.registry import load_auction
from agents.broker.training.equivariant_menu import Recipe, new_network
from agents.broker.training.measure import truthful_figures
from agents.prior import OwnerPrior

PRIOR = OwnerPrior()


@pytest.fixture(scope="module")
def auction() -> EquivariantMenu:
    made = load_auction("equivariant-menu", prior=PRIOR)
    assert isinstance(made, EquivariantMenu)
    return made


def profiles(batch: int, owners: int, seed: int = 1):
    return PRIOR.sample(batch, owners, torch.Generator().manual_seed(seed))


def opinionated() -> EquivariantNetwork:
    """A network whose every output depends on every input: what it does not see, it is not shown."""
    network = new_network(PRIOR, Recipe(levels=5, summary=8, width=8)).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for lists in (network.tentative, network.final):
            lists.head.weight.uniform_(-2, 2, generator=generator)
    return network.requires_grad_(False)


@pytest.mark.parametrize("owners", [2, 10, 40])
def test_owners_in_another_order_get_the_same_to_the_last_bit(auction: EquivariantMenu, owners: int) -> None:
    types, budget = profiles(30, owners)
    bids = types.truthful_bids()
    order = torch.randperm(owners, generator=torch.Generator().manual_seed(3))
    one, other = auction.run(bids, budget), auction.run(bids.take(owners=order), budget)
    for part in ("privacy_loss", "payment", "data_size"):
        assert torch.equal(getattr(one, part)[:, order], getattr(other, part))


@pytest.mark.parametrize("owners", [1, 2, 3, 30, 300, 1000])
def test_it_serves_any_number_of_owners(auction: EquivariantMenu, owners: int) -> None:
    types, budget = profiles(2, owners)
    outcome = auction.run(types.truthful_bids(), budget)
    assert bool(outcome.sells.any(-1).all())
    assert bool((outcome.payment.sum(-1) <= budget).all())
    assert float(types.utility(outcome).min()) >= 0


def test_of_what_an_owner_says_only_her_data_size_reaches_her_own_offers() -> None:
    network = opinionated()
    size = torch.rand(20, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * 4 + 0.1
    market = Market(size, torch.ones(20, dtype=torch.float64))
    bought = Purchases(precision=size / 9, records=size / 2, payment=size / 8)
    mine = torch.arange(6) == 2
    other = Purchases(*(torch.where(mine, 0.01, part) for part in (bought.precision, bought.records, bought.payment)))
    before, after = network.final(market, bought), network.final(market, other)
    smaller = network.final(Market(torch.where(mine, 0.37, size), market.budget), bought)
    for part in ("price", "cap", "weight"):
        assert torch.equal(getattr(before, part)[:, 2], getattr(after, part)[:, 2])
        assert not torch.equal(getattr(before, part)[:, 0], getattr(after, part)[:, 0])
        assert not torch.equal(getattr(before, part)[:, 2], getattr(smaller, part)[:, 2])


def test_sums_over_others_leave_out_even_a_giant_to_the_last_bit() -> None:
    """Three equal owners beside one with a million times their records: what each of the three sees is the same."""
    size = torch.tensor([[1.5, 2.0**18, 1.5, 1.5]], dtype=torch.float64)
    offers = opinionated().tentative(Market(size, torch.ones(1, dtype=torch.float64)))
    for owner in (2, 3):
        assert torch.equal(offers.price[:, 0], offers.price[:, owner])


def test_the_budget_binds_and_is_mostly_spent(auction: EquivariantMenu) -> None:
    types, budget = profiles(400, 10)
    spent = auction.run(types.truthful_bids(), budget).payment.sum(-1)
    assert bool((spent <= budget).all())
    assert float((spent / budget).mean()) > 0.85


def test_multiplying_sizes_budgets_and_the_prior_by_ten_changes_no_privacy_loss(auction: EquivariantMenu) -> None:
    types, budget = profiles(50, 6)
    larger = EquivariantMenu(replace(PRIOR.units, records=10 * PRIOR.units.records), network=auction.network)
    ten_times = replace(types, data_size=10 * types.data_size)
    one = auction.run(types.truthful_bids(), budget).privacy_loss
    other = larger.run(ten_times.truthful_bids(), 10 * budget).privacy_loss
    assert float((one == other).double().mean()) > 0.95  # records are whole, ten times as many are rounded elsewhere


def test_its_promises_stand_up_to_the_checks(auction: EquivariantMenu) -> None:
    report = check_auction(auction, PRIOR, profiles=10, misreports=5)
    assert report.ok, report.table


def test_the_shipped_network_does_what_its_card_says(auction: EquivariantMenu) -> None:
    assert auction.card is not None
    assert (SHIPPED / "equivariant-menu.safetensors").stat().st_size <= 2_000_000
    measured = truthful_figures(auction, PRIOR)
    assert measured["mean_error_bound"] == pytest.approx(auction.card.figures["mean_error_bound"], rel=1e-3)
    assert measured["invalid_rate"] <= 0.001


def test_a_network_without_units_is_refused() -> None:
    with pytest.raises(ValueError, match="units = None"):
        EquivariantMenu(network=opinionated())
