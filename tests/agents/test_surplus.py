"""Payment less cost, correct to the last bit: checked against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.surplus import ROUNDING, pays, surplus


def one(payment: float, records: int, value: float) -> float:
    paid, worth = (torch.tensor([number], dtype=torch.float64) for number in (payment, value))
    return float(surplus(paid, torch.tensor([records]), worth)[0])


money = st.floats(1e-100, 1e100)


@given(records=st.integers(1, 10**12), value=money, ulps=st.integers(-3, 3))
def test_where_price_and_cost_almost_meet_it_is_the_exact_difference_rounded_once(records, value, ulps):
    payment = torch.tensor(records * value, dtype=torch.float64)
    for _ in range(abs(ulps)):
        payment = torch.nextafter(payment, torch.tensor(float("inf") * ulps, dtype=torch.float64))
    exact = Fraction(float(payment)) - records * Fraction(value)
    assert one(float(payment), records, value) == float(exact)


@given(payment=money, records=st.integers(1, 10**12), value=money)
def test_elsewhere_it_is_within_one_rounding(payment, records, value):
    exact = Fraction(payment) - records * Fraction(value)
    assert abs(Fraction(one(payment, records, value)) - exact) <= abs(exact) * Fraction(1, 2**52)


def test_one_record_more_never_earns_less_at_a_price_above_cost():
    # Rounding the cost first earned more for 19 records than for 20 at this price.
    price, cost = 1.608109474182129, 1.608109474182128
    exactly = [float(Fraction(price) * sold) for sold in (19, 20)]
    assert one(exactly[0], 19, cost) < one(exactly[1], 20, cost)


def test_nothing_sold_costs_nothing_and_what_is_not_for_sale_costs_everything():
    assert one(5.0, 0, 3.0) == 5.0
    assert one(0.0, 0, torch.inf) == 0.0
    assert one(5.0, 2, torch.inf) == -torch.inf
    assert one(5.0, 10**12, 1e300) < -1e261


@pytest.mark.parametrize(
    ("gain", "truthful_payment", "payment", "cost", "paid"),
    [
        (3e-12, 54.0, 54.0, 54.0, False),  # pay-as-bid: paid her cost either way
        (1e-6, 54.0, 54.0, 54.0, True),
        (1.01 * ROUNDING * 7, 5.0, 6.0, 7.0, True),  # just above the bound: the largest of the three counts
        (0.99 * ROUNDING * 7, 5.0, 6.0, 7.0, False),
        (0.99 * ROUNDING * 7, 7.0, 6.0, 5.0, False),
        (0.99 * ROUNDING * 7, 5.0, 7.0, 6.0, False),
        (0.0, 0.0, 0.0, 0.0, False),  # nothing sold, nothing gained
        (5e-324, 0.0, 0.0, 0.0, True),  # nothing at stake to round
        (-1.0, 1.0, 0.0, 0.0, False),
        (torch.nan, 1.0, 1.0, 1.0, False),
        (1.0, 1.0, 2.0, torch.inf, True),  # what has no finite cost is no measure
        (torch.inf, 1.0, torch.inf, 1.0, True),  # paid without bound
    ],
)
def test_a_lie_pays_when_it_gains_more_than_rounding_can_make(gain, truthful_payment, payment, cost, paid):
    numbers = (torch.tensor([[number]], dtype=torch.float64) for number in (gain, truthful_payment, payment, cost))
    assert pays(*numbers).tolist() == [[paid]]
