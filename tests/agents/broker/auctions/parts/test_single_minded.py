from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.all_in import AllIn
from agents.broker.auctions.csra import CSRA
from agents.broker.auctions.fair_query import FairQuery
from agents.broker.auctions.fixed_share import FixedShare
from agents.broker.auctions.k_plus_one_price import KPlusOnePrice
from agents.broker.auctions.pac import PAC
from agents.broker.auctions.parts.single_minded import offers
from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.posted_price import PostedPrice
from agents.broker.auctions.proportional_share import ProportionalShare
from agents.messages import Bids
from agents.surplus import surplus
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation, TabulatedValuation

ALL_OR_NOTHING = [AllIn, ProportionalShare, PayAsBid, FixedShare, PostedPrice]
RULES = [*ALL_OR_NOTHING, FairQuery, CSRA, PAC, KPlusOnePrice]


def bids_of(size: list[int], cap: list[float], factor: list[float]) -> Bids:
    return Bids(
        valuation=ParametricValuation(
            family=torch.zeros(1, len(size), dtype=torch.int64), factor=torch.tensor([factor], dtype=torch.float64)
        ),
        privacy_budget=torch.tensor([cap], dtype=torch.float64),
        data_size=torch.tensor([size]),
    )


sizes = st.integers(1, 10**9)
caps = st.floats(1e-3, 1e2)
factors = st.floats(1e-6, 1e6)
owners = st.lists(st.tuples(sizes, caps, factors), min_size=1, max_size=6)


@given(owners=owners, budget=st.floats(1e-3, 1e12))
def test_a_reserve_is_the_lowest_rate_that_pays_the_cost(owners: list[tuple], budget: float) -> None:
    bids = bids_of(*(list(column) for column in zip(*owners, strict=True)))
    offered = offers(bids, torch.tensor([budget], dtype=torch.float64))
    value = bids.valuation.at(bids.privacy_budget)
    for_sale = offered.ask <= offered.budget[:, None]
    below = torch.nextafter(offered.reserve, torch.zeros_like(offered.reserve))
    assert bool((surplus(offered.payment(offered.reserve), bids.data_size, value) >= 0)[for_sale].all())
    assert bool((surplus(offered.payment(below), bids.data_size, value) < 0)[for_sale].all())


@given(owners=owners, budget=st.floats(1e-3, 1e12))
def test_weights_add_up_exactly_in_any_order(owners: list[tuple], budget: float) -> None:
    bids = bids_of(*(list(column) for column in zip(*owners, strict=True)))
    weight = offers(bids, torch.tensor([budget], dtype=torch.float64)).weight[0].tolist()
    exact = sum(Fraction(one) for one in weight)
    assert {sum(order) for order in permutations(weight)} == {float(exact)}
    assert Fraction(float(exact)) == exact


@pytest.mark.parametrize("rule", RULES)
@given(owners=owners, budget=st.floats(1e-3, 1e12))
def test_payments_cover_costs_and_stay_within_the_budget_to_the_last_bit(
    rule: type, owners: list[tuple], budget: float
) -> None:
    bids = bids_of(*(list(column) for column in zip(*owners, strict=True)))
    outcome = rule().run(bids, [budget])
    payment = outcome.payment[0].tolist()
    cost = bids.cost(outcome.privacy_loss, outcome.data_size)
    assert bool((outcome.payment - cost >= 0).all())
    assert sum(Fraction(money) for money in payment) <= Fraction(budget)
    assert max(sum(order) for order in permutations(payment)) <= budget


@pytest.mark.parametrize("rule", RULES)
def test_the_edges_of_float64_neither_lose_money_nor_overspend(rule: type, generator: torch.Generator) -> None:
    shape = (300, 5)

    def between(low: float, high: float, shape: tuple[int, ...]) -> torch.Tensor:
        return 10 ** (low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64))

    types = OwnerTypes(
        valuation=ParametricValuation(
            family=torch.randint(4, shape, generator=generator), factor=between(-320, 150, shape)
        ),
        privacy_budget=between(-320, 2.5, shape),
        data_size=torch.randint(0, 10**12, shape, generator=generator),
    )
    budget = between(-323, 308, (300,))
    outcome = rule().run(types.truthful_bids(), budget)
    assert float(types.utility(outcome).min()) >= 0
    assert bool((outcome.payment.sum(-1) <= budget).all())
    assert bool(outcome.sells.any())


@pytest.mark.parametrize("rule", ALL_OR_NOTHING)
def test_who_names_no_price_sells_nothing(rule: type) -> None:
    # Beyond the last level of a table nothing is for sale; nor is anything without a privacy budget or records.
    bids = Bids(
        valuation=TabulatedValuation(levels=torch.ones(1).double(), cost=torch.ones(1, 4, 1).double()),
        privacy_budget=torch.tensor([[2.0, 0.0, 1.0, 1.0]], dtype=torch.float64),
        data_size=torch.tensor([[1, 1, 0, 1]]),
    )
    outcome = rule().run(bids, [100.0])
    assert outcome.sells[0].tolist() == [False, False, False, True]
