"""PAC and the k+1-price auction: the same search with two prices."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.base import Auction
from agents.broker.auctions.k_plus_one_price import KPlusOnePrice
from agents.broker.auctions.pac import PAC
from agents.misreports.search import gains
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation, TabulatedValuation

BOTH = [PAC, KPlusOnePrice]


def linear(cost: list[float]) -> OwnerTypes:
    """One record each, privacy budget 1, cost in proportion to privacy loss."""
    shape = (1, len(cost))
    return OwnerTypes(
        valuation=ParametricValuation(
            family=torch.zeros(shape, dtype=torch.int64), factor=torch.tensor([cost], dtype=torch.float64) / 2
        ),
        privacy_budget=torch.ones(shape, dtype=torch.float64),
        data_size=torch.ones(shape, dtype=torch.int64),
    )


def test_pac_pays_an_equal_share_or_what_the_next_one_asks() -> None:
    # Costs 1, 2, 3. Budget 5, two winners: 2/1 <= 5/2, paid min(2.5, 3) for a loss of 1.
    owners = linear([1, 2, 3])
    outcome = PAC().run(owners.truthful_bids(), [5.0])
    assert outcome.payment[0].tolist() == [2.5, 2.5, 0]
    assert outcome.privacy_loss[0].tolist() == [1, 1, 0]
    assert owners.utility(outcome)[0].tolist() == [1.5, 0.5, 0]
    # Budget 3, two: 2 > 1.5; one: 1/2 <= 3, paid min(3, 2/2) for a loss of 1/2.
    outcome = PAC().run(owners.truthful_bids(), [3.0])
    assert outcome.payment[0].tolist() == [1, 0, 0]
    assert outcome.privacy_loss[0].tolist() == [0.5, 0, 0]


def test_the_k_plus_one_price_is_what_the_next_one_asks() -> None:
    # Budget 6, two winners: 2 x 3/1 <= 6. Budget 5: not; one: 1 x 2/2 <= 5.
    assert KPlusOnePrice().run(linear([1, 2, 3]).truthful_bids(), [6.0]).payment[0].tolist() == [3, 3, 0]
    outcome = KPlusOnePrice().run(linear([1, 2, 3]).truthful_bids(), [5.0])
    assert outcome.payment[0].tolist() == [1, 0, 0]
    assert outcome.privacy_loss[0].tolist() == [0.5, 0, 0]


@pytest.mark.parametrize("rule", BOTH)
def test_nobody_sells_more_than_she_tolerates(rule: type[Auction], market) -> None:
    # The first tolerates 1/4; her unit cost is 1 all the same, and she is paid what the other winner is paid.
    owners = market(size=[1, 1, 1], cap=[0.25, 1.0, 1.0], cost=[0.25, 2, 3])
    outcome = rule().run(owners.truthful_bids(), [6.0])
    assert outcome.privacy_loss[0].tolist() == [0.25, 1, 0]
    assert outcome.payment[0].tolist() == [3, 3, 0]


@pytest.mark.parametrize("rule", BOTH)
def test_one_bidder_too_few_and_one_always_loses(rule: type[Auction]) -> None:
    assert not rule().run(linear([1]).truthful_bids(), [1000.0]).sells.any()
    assert rule().run(linear([2, 2, 2, 2]).truthful_bids(), [1e6]).sells[0].tolist() == [True, True, True, False]


@pytest.mark.parametrize("rule", BOTH)
def test_understating_the_privacy_budget_pays(rule: type[Auction], market) -> None:
    owners = linear([1, 2, 3])
    truth = owners.truthful_bids()
    misreports = truth.replace(privacy_budget=torch.tensor([[0.5, 1.0, 1.0]], dtype=torch.float64))
    assert gains(rule(), owners, torch.tensor([6.0], dtype=torch.float64), misreports)[0].tolist() == [0.5, 0, 0]


def test_with_other_curves_naming_a_high_cost_of_more_privacy_pays() -> None:
    # The first owner's cost is quadratic: 2.4 at a loss of 1, 0.6 at 1/2. Truth: two winners, 2.4 <= 5/2, are paid 2.5
    # each, and she gains 0.1. Were 1 dearer for her, she alone would win, be paid 1 for 1/2 and gain 0.4.
    owners = OwnerTypes(
        valuation=ParametricValuation(
            family=torch.tensor([[1, 0, 0]]), factor=torch.tensor([[2.4, 1.0, 1.5]], dtype=torch.float64)
        ),
        privacy_budget=torch.ones(1, 3, dtype=torch.float64),
        data_size=torch.ones(1, 3, dtype=torch.int64),
    )
    truth = owners.truthful_bids()
    table = torch.tensor([[[0.6, 9.0], [1.0, 2.0], [1.5, 3.0]]], dtype=torch.float64)
    levels = torch.tensor([0.5, 1.0], dtype=torch.float64)
    misreports = truth.replace(valuation=TabulatedValuation(levels=levels, cost=table))
    gain = gains(PAC(), owners, torch.tensor([5.0], dtype=torch.float64), misreports)
    assert gain[0].tolist() == pytest.approx([0.3, 0, 0])


costs = st.lists(st.integers(0, 40), min_size=2, max_size=6)


@pytest.mark.parametrize("rule", BOTH)
@given(
    cost=costs, budget=st.integers(1, 60), deviator=st.integers(0, 5), misreport=st.fractions(0, 3, max_denominator=7)
)
def test_among_linear_owners_no_linear_lie_pays(
    rule: type[Auction], cost: list[int], budget: int, deviator: int, misreport: Fraction
) -> None:
    owners = linear([float(one) for one in cost])
    scale = torch.ones(owners.shape, dtype=torch.float64)
    scale[0, deviator % len(cost)] = float(misreport)
    truth = owners.truthful_bids()
    misreports = truth.replace(valuation=truth.valuation.scaled(scale))
    gain = gains(rule(), owners, torch.tensor([float(budget)], dtype=torch.float64), misreports)
    assert float(gain.max()) <= 1e-12


def by_the_book(cost: list[int], budget: int, next_price_only: bool) -> tuple[int, Fraction] | None:
    """How many win and what each is paid, in exact rationals; None where two numbers that it compares are equal."""
    ascending, found = sorted(cost), (0, Fraction(0))
    for count in range(1, len(cost)):
        kth, after = (Fraction(one, len(cost) - count) for one in ascending[count - 1 : count + 1])
        share = Fraction(budget, count)
        decisive = after if next_price_only else kth
        if decisive == share:
            return None
        if decisive < share:
            found = count, after if next_price_only else min(share, after)
    return found


@pytest.mark.parametrize("rule", BOTH)
@given(cost=costs, budget=st.integers(1, 60))
def test_it_is_the_rule_in_exact_rationals(rule: type[Auction], cost: list[int], budget: int) -> None:
    expected = by_the_book(cost, budget, rule is KPlusOnePrice)
    if expected is None:
        return
    outcome = rule().run(linear([float(one) for one in cost]).truthful_bids(), [float(budget)])
    winners, payment = expected
    assert int(outcome.sells.sum()) == winners
    assert float(outcome.payment.max()) == pytest.approx(float(payment), rel=1e-13)
    first = sorted(range(len(cost)), key=lambda i: (cost[i], i))[:winners]
    assert outcome.sells[0].nonzero()[:, 0].tolist() == sorted(first)


@pytest.mark.parametrize("rule", BOTH)
def test_every_family_covers_its_cost_at_the_loss_sold(rule: type[Auction], generator: torch.Generator) -> None:
    # A square-root cost falls more slowly than the loss: the unit cost at the own privacy budget would not cover it.
    types, budget = OwnerPrior(families=("square_root", "exponential")).sample(300, 8, generator)
    outcome = rule().run(types.truthful_bids(), budget)
    assert float(types.utility(outcome).min()) >= 0
    assert bool((outcome.payment.sum(-1) <= budget).all())
    assert float(outcome.sells.double().mean()) > 0.2
