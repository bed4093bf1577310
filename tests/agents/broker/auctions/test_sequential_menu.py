"""The sequential menu: a market worked by hand, and the properties it promises, to the last bit."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from agents.broker.auctions.parts.menu_network import FEATURES, History, MenuNetwork, Turn
from agents.broker.auctions.registry import load_auction
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.messages import Bids
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import FAMILIES, ParametricValuation


def owners(*who: tuple[str, float, float, int]) -> OwnerTypes:
    """One market of (family, factor, privacy budget, data size)."""
    family, factor, cap, size = zip(*who, strict=True)
    return OwnerTypes(
        valuation=ParametricValuation(
            family=torch.tensor([[FAMILIES.index(name) for name in family]]),
            factor=torch.tensor([factor], dtype=torch.float64),
        ),
        privacy_budget=torch.tensor([cap], dtype=torch.float64),
        data_size=torch.tensor([size]),
    )


@pytest.fixture
def constant_offers() -> SequentialMenu:
    """Everybody is offered 1 per record at loss 0.5 and 2 at loss 1, for at most half of what is left."""
    levels = torch.tensor([0.5, 1.0], dtype=torch.float64)
    network = MenuNetwork(levels, torch.tensor([1.0, 2.0], dtype=torch.float64), width=4)
    with torch.no_grad():
        network.head.bias[2:] = 0.5
    return SequentialMenu(PublicUnits(records=1.0, money_per_record=1.0), network=network)


def test_three_owners_by_hand(constant_offers):
    types = owners(("linear", 0.5, 2.0, 10), ("quadratic", 1.0, 1.0, 2), ("exponential", 1.5, 2.0, 5))

    outcome = constant_offers.run(types.truthful_bids(), [16.0])

    # Anna may be paid 8: 8 records at 0.5 (8 x (1 - 0.5) = 4) or 4 at 1 (4 x (2 - 1) = 4); a tie, so she sells less.
    # Bob may be paid 4: 2 records at 0.5 (2 x 0.75) or 2 at 1 (2 x (2 - 1) = 2).
    # Carl may be paid 2: 2 records at 0.5 (2 x (1 - 0.973)), none at 1, which costs him 2.58.
    assert outcome.privacy_loss.tolist() == [[0.5, 1.0, 0.5]]
    assert outcome.data_size.tolist() == [[8, 2, 2]]
    assert outcome.payment.tolist() == [[8.0, 4.0, 2.0]]
    assert types.utility(outcome)[0, :2].tolist() == [4.0, 2.0]


def test_the_broker_sells_nothing_above_the_cap_and_nothing_at_a_loss(constant_offers):
    timid, dear = ("linear", 0.1, 0.4, 10), ("linear", 1.5, 2.0, 10)

    outcome = constant_offers.run(owners(timid, dear).truthful_bids(), [16.0])

    assert outcome.data_size.tolist() == [[0, 0]]
    assert outcome.payment.tolist() == [[0.0, 0.0]]


def test_a_later_owner_never_moves_an_earlier_list():
    auction, prior = load_auction("sequential-menu"), OwnerPrior()
    types, budget = prior.sample(20, 6, torch.Generator().manual_seed(0))
    others, _ = prior.sample(20, 6, torch.Generator().manual_seed(1))
    bids = types.truthful_bids()
    for place in range(6):
        changed = torch.arange(6).expand(20, 6) >= place
        menu = auction.price_list(bids, budget)
        lied = auction.price_list(others.truthful_bids().where(changed, bids), budget)
        assert torch.equal(menu.price[:, : place + 1], lied.price[:, : place + 1])
        assert torch.equal(menu.records[:, : place + 1], lied.records[:, : place + 1])


def test_staying_away_earns_nothing_and_leaves_the_others_as_if_she_had_never_been():
    auction = load_auction("sequential-menu")
    types, budget = OwnerPrior().sample(20, 5, torch.Generator().manual_seed(0))
    bids = types.truthful_bids()
    for place in range(5):
        size = bids.data_size.clone()
        size[:, place] = 0
        others = [owner for owner in range(5) if owner != place]
        away = auction.run(bids.replace(data_size=size), budget)
        removed = auction.run(bids.take(owners=torch.tensor(others)), budget)
        assert not away.payment[:, place].any()
        assert torch.equal(away.payment[:, others], removed.payment)
        assert torch.equal(away.privacy_loss[:, others], removed.privacy_loss)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), owners=st.integers(1, 12), scale=st.sampled_from([1e-6, 0.01, 1.0, 1e6]))
def test_nobody_loses_and_the_budget_holds_to_the_last_bit(seed, owners, scale):
    types, budget = OwnerPrior().sample(16, owners, torch.Generator().manual_seed(seed))
    outcome = load_auction("sequential-menu").run(types.truthful_bids(), budget * scale)
    assert bool((types.utility(outcome) >= 0).all())
    for order in (slice(None), torch.randperm(owners, generator=torch.Generator().manual_seed(seed))):
        assert bool((outcome.payment[:, order].sum(-1) <= budget * scale).all())
        assert bool((outcome.payment[:, order].cumsum(-1)[:, -1] <= budget * scale).all())


def test_ten_times_the_records_and_budgets_leave_privacy_losses_unchanged():
    small = OwnerPrior(records=10**10)
    large = dataclasses.replace(small, records=10**11, floor=100)
    types, budget = small.sample(200, 10, torch.Generator().manual_seed(0))
    scaled = Bids(valuation=types.valuation, privacy_budget=types.privacy_budget, data_size=types.data_size * 10)
    one = load_auction("sequential-menu", prior=small).run(types.truthful_bids(), budget)
    ten = load_auction("sequential-menu", prior=large).run(scaled, budget * 10)
    same = one.privacy_loss == ten.privacy_loss
    # Where the money left buys but a handful of records, rounding them down to whole ones decides.
    handful = (one.data_size < 100) & (ten.data_size < 1000)
    assert bool((same | handful).all())
    assert float(handful.double().mean()) < 0.2
    torch.testing.assert_close(ten.payment.sum(-1), 10 * one.payment.sum(-1), rtol=1e-3, atol=0)


class OneDevice(TorchDispatchMode):
    """Fails where an operation brings together arrays on two devices; one without data stands for a GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        met = {part.device.type for part in args if isinstance(part, torch.Tensor) and part.dim()}
        assert len(met) <= 1 or "copy" in str(func), f"{func} on {sorted(met)}"
        return func(*args, **(kwargs or {}))


def test_its_features_are_worked_out_on_the_device_that_the_history_is_on():
    for device in ("cpu", "meta"):
        money = torch.ones(4, dtype=torch.float64, device=device)
        asked = torch.ones(4, 1, dtype=torch.bool, device=device)
        with OneDevice():
            turns = Turn.each(money, [part.sum(-1) for part in (asked, asked)])
            history = History.beginning(money, money)
            features = [history.features(turn) for turn in turns]
        assert [(part.device.type, tuple(part.shape)) for part in features] == [(device, (4, FEATURES))] * 2


def test_an_empty_market_and_no_money():
    auction = load_auction("sequential-menu")
    types, _ = OwnerPrior().sample(2, 3, torch.Generator().manual_seed(0))
    nothing = auction.run(types.truthful_bids(), [0.0, 1e-9])
    assert not nothing.sells.any()
    nobody = auction.run(types.take(owners=slice(0, 0)).truthful_bids(), [1.0, 2.0])
    assert tuple(nobody.payment.shape) == (2, 0)


def test_a_network_without_units_is_refused():
    network = MenuNetwork(torch.tensor([1.0]), torch.tensor([1.0]), width=4)
    with pytest.raises(ValueError, match="units"):
        SequentialMenu(network=network)


def test_one_boundless_bid_does_not_spoil_the_market_for_the_others():
    auction = load_auction("sequential-menu")
    types, budget = OwnerPrior().sample(20, 5, torch.Generator().manual_seed(0))
    bids = types.truthful_bids()
    cap, factor = bids.privacy_budget.clone(), bids.valuation.factor.clone()
    cap[:, 0], factor[:, 0] = 1e300, 0.0
    odd = bids.replace(privacy_budget=cap, valuation=ParametricValuation(family=bids.valuation.family, factor=factor))
    menu = auction.price_list(odd, budget)
    assert bool(menu.price.isfinite().all())
    assert bool(auction.run(odd, budget).sells[:, 1:].any(-1).all())


def test_a_network_for_verified_sizes_is_not_taken_for_private_ones():
    verified = load_auction("sequential-menu-verified")
    with pytest.raises(ValueError, match="sizes_known = True"):
        SequentialMenu(verified.units, network=verified.network)


def test_owners_unlike_those_of_training_are_warned_about():
    with pytest.warns(UserWarning, match="privacy_budget between 0.5 and 2, this market's lies between 0.1 and 0.5"):
        load_auction("sequential-menu", prior=OwnerPrior(privacy_budget=(0.1, 0.5)))


@given(seed=st.integers(0, 2**31), money=st.floats(1e-3, 1e6), price=st.floats(1e-4, 10.0))
def test_everything_that_is_left_can_be_spent_and_not_a_bit_more(seed, money, price):
    """A cap of all that is left: the budget binds, whatever number of records it buys."""
    levels = torch.tensor([1.0], dtype=torch.float64)
    network = MenuNetwork(levels, torch.tensor([price], dtype=torch.float64), width=4)
    with torch.no_grad():
        network.head.bias[1] = 100.0
    auction = SequentialMenu(PublicUnits(records=1.0, money_per_record=1.0), network=network)
    size = torch.randint(1, 10**6, (1, 6), generator=torch.Generator().manual_seed(seed))
    free = ParametricValuation(
        family=torch.zeros(1, 6, dtype=torch.int64), factor=torch.zeros(1, 6, dtype=torch.float64)
    )
    bids = Bids(valuation=free, privacy_budget=torch.ones(1, 6, dtype=torch.float64), data_size=size)
    paid = auction.run(bids, [money]).payment[0].tolist()
    for order in (paid, paid[::-1], sorted(paid)):
        assert sum(order) <= money
    bought = auction.run(bids, [money]).data_size
    assert int(bought.sum()) in (int(size.sum()), int(money / price), int(money / price) + 1)
