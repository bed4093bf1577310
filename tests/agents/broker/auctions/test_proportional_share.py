from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.proportional_share import ProportionalShare
from agents.messages import Outcome
from agents.misreports.search import gains
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


def paid(outcome: Outcome) -> list[float]:
    return outcome.payment[0].tolist()


def linear(weight: list[int], cost: list[float]) -> OwnerTypes:
    size = torch.tensor([weight])
    factor = torch.tensor([cost], dtype=torch.float64) / (2 * size)
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros_like(size), factor=factor),
        privacy_budget=torch.ones(size.shape, dtype=torch.float64),
        data_size=size,
    )


def test_three_owners_by_hand_paid_by_the_budget(market) -> None:
    # Unit costs 1, 1.5, 2 and weights 4, 2, 2; budget 12. Third refused (2 > 12/8); rate min(12/6, 2) = 2.
    owners = market(size=[4, 2, 2], cost=[4, 3, 4])
    outcome = ProportionalShare().run(owners.truthful_bids(), [12.0])
    assert paid(outcome) == [8, 4, 0]
    assert owners.utility(outcome)[0].tolist() == [4, 1, 0]


def test_three_owners_by_hand_paid_by_the_first_refused(market) -> None:
    # Unit costs 1, 1.25, 1.75: third refused (1.75 > 12/8), rate min(12/6, 1.75) = 1.75; 1.5 of the budget is unspent.
    owners = market(size=[4, 2, 2], cost=[4, 2.5, 3.5])
    assert paid(ProportionalShare().run(owners.truthful_bids(), [12.0])) == [7, 3.5, 0]


def test_it_stops_at_the_first_failure(market) -> None:
    # Unit costs 1, 2, 2.5 and weights 1, 5, 1; budget 6: All-in would go on to the third.
    owners = market(size=[1, 5, 1], cost=[1, 10, 2.5])
    assert paid(ProportionalShare().run(owners.truthful_bids(), [6.0])) == pytest.approx([2, 0, 0])


def test_what_broke_all_in_does_not_pay_here(market) -> None:
    owners = market(size=[5, 1], cost=[10, 2.5])
    assert paid(ProportionalShare().run(owners.truthful_bids(), [11.0])) == [11, 0]
    lied = ProportionalShare().run(market(size=[5, 1], cost=[10, 1]).truthful_bids(), [11.0])
    assert paid(lied) == pytest.approx([0, 2])
    assert owners.utility(lied)[0, 1] < 0


def test_of_two_equal_owners_the_first_sells_and_neither_can_gain(market) -> None:
    # Weights 3 and unit cost 0.7, money for one: the second would win by lying, at less than her cost.
    owners = market(size=[3, 3], cost=[2.1, 2.1])
    outcome = ProportionalShare().run(owners.truthful_bids(), [3.0])
    assert outcome.data_size[0].tolist() == [3, 0]
    truth = owners.truthful_bids()
    misreports = truth.replace(valuation=truth.valuation.scaled(torch.full((1, 2), 0.5, dtype=torch.float64)))
    gain = gains(ProportionalShare(), owners, torch.tensor([3.0], dtype=torch.float64), misreports)
    assert gain[0, 0] == 0
    assert gain[0, 1] < 0


def by_the_book(weight: list[int], cost: list[int], budget: int) -> list[Fraction] | None:
    """The rule in exact rationals; None where two numbers that it compares are equal."""
    unit = [Fraction(c, w) for c, w in zip(cost, weight, strict=True)]
    order = sorted(range(len(unit)), key=lambda i: (unit[i], i))
    rate, winners = Fraction(0), []
    for place, owner in enumerate(order):
        limit = Fraction(budget, sum(weight[i] for i in order[: place + 1]))
        if unit[owner] == limit:
            return None
        if unit[owner] > limit:
            rate = min(rate, unit[owner])
            break
        rate, winners = limit, [*winners, owner]
    return [rate * weight[i] if i in winners else Fraction(0) for i in range(len(unit))]


owner = st.tuples(st.integers(1, 9), st.integers(0, 40))


@given(owners=st.lists(owner, min_size=1, max_size=6), budget=st.integers(0, 60))
def test_it_is_the_rule_in_exact_rationals(owners: list[tuple[int, int]], budget: int) -> None:
    weight, cost = (list(column) for column in zip(*owners, strict=True))
    expected = by_the_book(weight, cost, budget)
    if expected is None:
        return
    outcome = ProportionalShare().run(linear(weight, cost).truthful_bids(), [float(budget)])
    assert paid(outcome) == pytest.approx([float(money) for money in expected], rel=1e-13)


@given(
    owners=st.lists(owner, min_size=1, max_size=6),
    budget=st.integers(1, 60),
    divisor=st.integers(1, 9),
    deviator=st.integers(0, 5),
    misreport=st.fractions(0, 3),
)
def test_no_lie_about_the_valuation_pays_not_even_by_a_bit(
    owners: list[tuple[int, int]], budget: int, divisor: int, deviator: int, misreport: Fraction
) -> None:
    weight, cost = (list(column) for column in zip(*owners, strict=True))
    types = linear(weight, [money / divisor for money in cost])
    truth = types.truthful_bids()
    scale = torch.ones(types.shape, dtype=torch.float64)
    scale[0, deviator % len(weight)] = float(misreport)
    misreports = truth.replace(valuation=truth.valuation.scaled(scale))
    money = torch.tensor([budget / divisor], dtype=torch.float64)
    assert float(gains(ProportionalShare(), types, money, misreports).max()) <= 0
