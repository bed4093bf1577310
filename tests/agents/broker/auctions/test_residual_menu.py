"""The residual-budget menu: a market by hand, the rule in whole numbers, and what it promises, where ties abound."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions import residual_menu
from agents.broker.auctions.checkpoint import SHIPPED, load_checkpoint, save_checkpoint
from agents.broker.auctions.parts.nested_prices import FixedPrices
from agents.broker.auctions.registry import load_auction
from agents.broker.auctions.residual_menu import ResidualMenu
from agents.broker.training.truthful_figures import true_error_bound
from agents.misreports.search import gains
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import TabulatedValuation


def tensor(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def flat_lists(*per_record: float, lots: list[int]) -> ResidualMenu:
    """One privacy loss, 1, and lists that pay the same for every record."""
    price = tensor(per_record)[:, None, None].expand(-1, len(lots), 1)
    return ResidualMenu(prices=FixedPrices(levels=tensor([1.0]), lots=torch.tensor(lots), price=price))


def test_three_owners_by_hand(market) -> None:
    # Lots of 2 and 4 records, lists that pay 1, 2 and 3 per record, budget 15. A record costs 0.5, 1.5 and 2.5.
    # Given a list, they would be paid   by 1: 4, 0, 0   by 2: 8, 8, 0   by 3: 12, 12, 6.
    # To the first the others leave 15, 7 and nothing: 2 records at 2 (gain 3) or 4 at 1 (gain 2).
    # To the second 11, 7 and nothing: 2 records at 2 (gain 1) or 4 at 1 (loss).
    # To the third 11 and nothing: 2 records at 1, which cost her 2.5 each.
    owners = market(size=[4, 4, 2], cost=[2, 6, 5])
    outcome = flat_lists(0, 1, 2, 3, lots=[2, 4]).run(owners.truthful_bids(), [15.0])
    assert outcome.data_size[0].tolist() == [2, 2, 0]
    assert outcome.payment[0].tolist() == [4, 4, 0]
    assert owners.utility(outcome)[0].tolist() == [3, 1, 0]


def test_price_lists_by_hand(market) -> None:
    owners = market(size=[4, 4, 2], cost=[2, 6, 5])
    menu = flat_lists(0, 1, 2, 3, lots=[2, 4]).price_list(owners.truthful_bids(), [15.0])
    assert menu.records[0, 0].tolist() == [0, 2, 4]
    assert menu.price[0].tolist() == [[0, 2, 1], [0, 2, 1], [0, 1, 1]]


def test_alone_she_is_offered_the_whole_budget_for_anything(market) -> None:
    menu = flat_lists(0, 1, 2, 3, lots=[2, 4]).price_list(market(size=[4], cost=[2]).truthful_bids(), [7.0])
    assert menu.price[0, 0].tolist() == [0, 3, 1]


def test_who_holds_less_than_the_smallest_lot_or_tolerates_less_than_the_lowest_level_sells_nothing(market) -> None:
    owners = market(size=[1, 2, 2], cap=[1.0, 0.9, 1.0], cost=[0.1, 0.1, 0.1])
    outcome = flat_lists(0, 1, 2, 3, lots=[2, 4]).run(owners.truthful_bids(), [100.0])
    assert outcome.sells[0].tolist() == [False, False, True]


def test_free_owners_sell_nothing_to_a_buyer_without_money(market) -> None:
    owners = market(size=[4, 4], cost=[0, 0])
    assert not flat_lists(0, 1, 2, lots=[2, 4]).run(owners.truthful_bids(), [0.0]).sells.any()


LEVELS, LOTS = (1.0, 2.0), (1, 2, 3)
steps = st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=4)
curves = st.tuples(st.integers(0, 6), st.integers(0, 6))
people = st.lists(st.tuples(curves, st.sampled_from([0.5, 1.0, 2.0]), st.integers(0, 4)), min_size=1, max_size=4)


def whole_numbers(steps: list[list[int]]) -> ResidualMenu:
    """Lists in whole numbers, not ordered by anything but richness."""
    rises = tensor([[0] * 6, *steps]).view(-1, 3, 2)
    return ResidualMenu(prices=FixedPrices(levels=tensor(LEVELS), lots=torch.tensor(LOTS), price=rises.cumsum(dim=0)))


def owners_of(who: list[tuple]) -> OwnerTypes:
    curve, cap, size = zip(*who, strict=True)
    cost = [[[low, low + more] for low, more in curve]]
    return OwnerTypes(
        valuation=TabulatedValuation(levels=tensor(LEVELS), cost=tensor(cost)),
        privacy_budget=tensor([cap]),
        data_size=torch.tensor([size]),
    )


def by_the_book(steps: list[list[int]], who: list[tuple], budget: int) -> list[tuple[float, int, int]]:
    """Privacy loss, records and payment of everybody, straight from the definition."""
    entries = [(0.0, 0, 0), *((loss, lot, i) for i, (lot, loss) in enumerate(itertools.product(LOTS, LEVELS)))]
    lists = tensor([[0] * 6, *steps]).cumsum(dim=0).int().tolist()

    def pays(richness: int, entry: tuple) -> int:
        return lists[richness][entry[2]] * entry[1]

    def cost(owner: tuple, entry: tuple) -> float:
        (low, more), cap, size = owner
        if entry[0] > cap or entry[1] > size:
            return float("inf")
        return entry[1] * (low + more * (entry[0] - 1)) if entry[1] else 0

    def supply(owner: tuple, richness: int) -> int:
        favourites = [max(entries, key=lambda x: (pays(s, x) - cost(owner, x), pays(s, x))) for s in range(len(lists))]
        return max(pays(s, favourites[s]) for s in range(richness + 1))

    result = []
    for i, owner in enumerate(who):
        others = [sum(supply(other, s) for j, other in enumerate(who) if j != i) for s in range(len(lists))]
        offer = {x: max(pays(s, x) for s in range(len(lists)) if others[s] + pays(s, x) < budget) for x in entries}
        best = max(entries, key=lambda x: offer[x] - cost(owner, x))
        result.append((best[0], best[1], offer[best]))
    return result


@given(steps=steps, who=people, budget=st.integers(1, 60))
def test_it_is_its_definition_in_whole_numbers(steps: list[list[int]], who: list[tuple], budget: int) -> None:
    # A little more than the money that counts as too much: nothing hangs on what is kept back for rounding.
    outcome = whole_numbers(steps).run(owners_of(who).truthful_bids(), [budget - 0.5])
    found = zip(*(getattr(outcome, part)[0].tolist() for part in ("privacy_loss", "data_size", "payment")), strict=True)
    assert list(found) == by_the_book(steps, who, budget)


@given(steps=steps, who=people, budget=st.integers(0, 60), seed=st.integers(0, 10**6))
def test_no_lie_pays_nobody_loses_and_the_budget_holds_exactly(
    steps: list[list[int]], who: list[tuple], budget: int, seed: int
) -> None:
    menu, types, money = whole_numbers(steps), owners_of(who), tensor([budget])
    outcome = menu.run(types.truthful_bids(), money)
    assert float(types.utility(outcome).min()) >= 0
    assert sum(Fraction(paid) for paid in outcome.payment[0].tolist()) <= budget
    generator = torch.Generator().manual_seed(seed)
    truth = types.truthful_bids()
    for _ in range(4):
        curve = torch.randint(0, 7, (1, len(who), 2), generator=generator).double().cumsum(-1)
        misreports = truth.replace(
            valuation=TabulatedValuation(levels=tensor(LEVELS), cost=curve),
            privacy_budget=truth.privacy_budget * torch.randint(1, 3, (1, len(who)), generator=generator) / 2,
            data_size=(truth.data_size * torch.rand(1, len(who), generator=generator)).ceil().long(),
        )
        assert float(gains(menu, types, money, misreports, rerun=True).max()) <= 0


@pytest.mark.parametrize("unit", [1.0, 0.1])
def test_ties_everywhere_do_not_overspend(unit: float, generator: torch.Generator) -> None:
    # Small whole numbers of one unit: ties abound, and sums of tenths are rounded.
    shape = (3000, 3)
    for _ in range(60):
        rises = torch.randint(0, 4, (3, 2, 2), generator=generator).double()
        price = torch.nn.functional.pad(rises, (0, 0, 0, 0, 1, 0)).cumsum(dim=0) * unit
        menu = ResidualMenu(prices=FixedPrices(levels=tensor(LEVELS), lots=torch.tensor([1, 2]), price=price))
        cost = torch.randint(0, 7, (*shape, 2), generator=generator).double().cumsum(dim=-1) * unit
        types = OwnerTypes(
            valuation=TabulatedValuation(levels=tensor(LEVELS), cost=cost),
            privacy_budget=torch.randint(1, 3, shape, generator=generator).double(),
            data_size=torch.randint(1, 3, shape, generator=generator),
        )
        budget = torch.randint(1, 25, shape[:1], generator=generator) * unit
        outcome = menu.run(types.truthful_bids(), budget.double())
        assert bool((outcome.payment.sum(-1) <= budget).all())
        assert float(types.utility(outcome).min()) >= 0


def test_a_richer_list_may_pay_an_owner_less_and_still_nothing_is_overspent() -> None:
    # A record of the second owner costs 4. The second list pays 5 for each of two: she takes both, for 10. The third
    # pays 8 for a single one: she takes that. The first owner, a record of whom costs 4 and earns 6 by the third list,
    # must not count on 8 being all that the second takes: she gets 10 by the second list, and there are 14.5.
    price = tensor([[0, 0, 0, 0], [1, 2, 0, 3], [3, 5, 3, 5], [6, 8, 5, 5]]).view(4, 2, 2)
    menu = ResidualMenu(prices=FixedPrices(levels=tensor(LEVELS), lots=torch.tensor([1, 2]), price=price))
    types = OwnerTypes(
        valuation=TabulatedValuation(levels=tensor(LEVELS), cost=tensor([[[4, 9], [4, 4]]])),
        privacy_budget=tensor([[1, 2]]),
        data_size=torch.tensor([[2, 2]]),
    )
    assert menu.run(types.truthful_bids(), [14.5]).payment[0].tolist() == [0, 10]


def test_sums_of_tenths_are_rounded_and_the_budget_holds_to_the_last_bit() -> None:
    # 1.2 + 0.1 + 0.1 is more than 1.4 in float64, and 1.4 - 0.1 - 0.1 is no less than 1.2.
    price = tensor([[0, 0, 0, 0], [0, 1, 3, 3], [1, 3, 3, 5], [1, 5, 4, 6]]).view(4, 2, 2) * 0.1
    menu = ResidualMenu(prices=FixedPrices(levels=tensor(LEVELS), lots=torch.tensor([1, 2]), price=price))
    types = OwnerTypes(
        valuation=TabulatedValuation(levels=tensor(LEVELS), cost=tensor([[[4, 5], [0, 6], [0, 0]]]) * 0.1),
        privacy_budget=tensor([[2, 1, 1]]),
        data_size=torch.tensor([[2, 1, 1]]),
    )
    for budget in (1.4, 14 * 0.1):
        assert menu.run(types.truthful_bids(), [budget]).payment.sum() <= budget


def test_what_the_others_are_paid_carries_none_of_her_own_bits(generator: torch.Generator) -> None:
    paid = torch.rand(50, 6, 3, generator=generator, dtype=torch.float64)
    for owner in range(6):
        other = paid.clone()
        other[:, owner] *= 0.7
        assert torch.equal(
            residual_menu._sums_of_others(paid)[:, owner], residual_menu._sums_of_others(other)[:, owner]
        )


def test_it_comes_from_a_checkpoint_and_respects_the_units_of_the_prior() -> None:
    shipped = load_auction("residual-menu")
    assert isinstance(shipped, ResidualMenu)
    assert shipped.units == OwnerPrior().units
    assert shipped.card.figures["invalid_rate"] == 0
    # A hundred times the records: every lot is a hundred times as large, but for rounding down.
    large = load_auction("residual-menu", prior=OwnerPrior(records=12_597_300))
    assert isinstance(large, ResidualMenu)
    lots = large.prices.lots.double() / 100
    assert torch.equal(lots.floor().long(), shipped.prices.lots)


def test_a_thousand_times_the_records_and_budgets_leave_privacy_losses_unchanged() -> None:
    small, large = OwnerPrior(records=10**9), OwnerPrior(records=10**12, floor=10_000)
    types, budget = small.sample(200, 10, torch.Generator().manual_seed(0))
    scaled = types.truthful_bids().replace(data_size=types.data_size * 1000)
    one = load_auction("residual-menu", prior=small).run(types.truthful_bids(), budget)
    many = load_auction("residual-menu", prior=large).run(scaled, budget * 1000)
    assert float((one.privacy_loss == many.privacy_loss).double().mean()) > 0.995


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda part: {"levels": part["levels"].flip(0)}, "levels = .* pass increasing numbers above 0"),
        (lambda part: {"exponents": part["exponents"][:2]}, r"exponents has shape \[2, 4\]; pass shape \[5, 4\]"),
        (lambda part: {"lots": part["lots"] * torch.nan}, "lots holds a number that is not finite"),
        (lambda part: {"wings": part["lots"] + 1}, "wings"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, change: Callable[..., dict], message: str) -> None:
    tensors, card = load_checkpoint(SHIPPED / "residual-menu.safetensors", "residual-menu")
    path = tmp_path / "odd.safetensors"
    save_checkpoint(path, {**tensors, **change(tensors)}, auction="residual-menu", units=card.units)
    with pytest.raises(ValueError, match=f"does not hold the shape of price lists .*{message}.*; train it again"):
        load_auction(path)


def test_it_beats_all_that_is_published_on_the_papers_prior() -> None:
    # 1.84 on 2000 profiles; DM-RegretNet's released checkpoint 5.0, All-in, which is manipulable, 2.1.
    types, budget = OwnerPrior().sample(300, 10, torch.Generator().manual_seed(1))
    bound = true_error_bound(types, ResidualMenu().run(types.truthful_bids(), budget))
    assert float(bound.mean()) < 2.0


def test_how_the_work_is_cut_up_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    types, budget = OwnerPrior().sample(20, 8, torch.Generator().manual_seed(0))
    menu, bids = ResidualMenu(), types.truthful_bids()
    whole, lists = menu.run(bids, budget), menu.price_list(bids, budget)
    monkeypatch.setattr(residual_menu, "_BATCH_ENTRIES", 1)
    assert torch.equal(menu.run(bids, budget).payment, whole.payment)
    assert torch.equal(menu.price_list(bids, budget).price, lists.price)


def test_an_empty_market_has_empty_lists() -> None:
    types, budget = OwnerPrior().sample(3, 4, torch.Generator().manual_seed(0))
    menu, bids = ResidualMenu(), types.truthful_bids()
    nobody, nowhere = bids.take(owners=slice(0, 0)), bids.take(rows=slice(0, 0))
    assert menu.price_list(nobody, budget).choose(nobody).payment.shape == (3, 0)
    assert menu.price_list(nowhere, budget[:0]).choose(nowhere).payment.shape == (0, 4)


def test_a_thousand_bidders() -> None:
    types, budget = OwnerPrior().sample(1, 1000, torch.Generator().manual_seed(0))
    outcome = ResidualMenu().run(types.truthful_bids(), budget)
    assert 0.5 * budget < outcome.payment.sum() <= budget
    assert float(types.utility(outcome).min()) >= 0
