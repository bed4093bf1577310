"""Privacy loss over the rounds: an allowance is never exceeded, not even in the last bit."""

import functools
import math
import operator
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.owner.accountant import Accountant

losses = st.floats(0, 10, allow_nan=False)


def test_three_rounds_of_two_owners():
    accounts = Accountant.open(2, allowance=2.0)
    accounts = accounts.charge([0, 1], [0.5, 1.0])
    accounts = accounts.charge([1], [0.25])
    accounts = accounts.charge([0, 1], [0.0, 0.75])
    assert accounts.spent.tolist() == [0.5, 2.0]
    assert accounts.left.tolist() == [1.5, 0.0]


def test_a_charge_beyond_the_allowance_is_refused_and_books_nothing():
    accounts = Accountant.open(3, allowance=1.0).charge([0, 2], [0.5, 0.75])
    with pytest.raises(ValueError, match=r"privacy_loss\[1\] = 0.5 exceeds what owner 2 has left, 0.25"):
        accounts.charge([0, 2], [0.5, 0.5])
    assert accounts.spent.tolist() == [0.5, 0.0, 0.75]


def test_without_an_allowance_there_is_no_limit():
    accounts = Accountant.open(1).charge([0], [1e300])
    assert accounts.left.tolist() == [math.inf]


@given(allowance=st.floats(1e-3, 20), wishes=st.lists(losses, max_size=30))
def test_the_true_sum_never_exceeds_the_allowance(allowance, wishes):
    accounts, true_sum = Accountant.open(1, allowance), Fraction(0)
    for wish in wishes:
        loss = min(wish, float(accounts.left))
        accounts = accounts.charge([0], [loss])
        true_sum += Fraction(loss)
        assert true_sum <= Fraction(float(accounts.spent)) <= Fraction(allowance)
        assert Fraction(float(accounts.spent)) - true_sum <= Fraction(allowance) * Fraction(len(wishes), 2**51)


@given(allowance=st.floats(1e-3, 20), first=losses)
def test_left_is_the_largest_loss_that_is_taken(allowance, first):
    accounts = Accountant.open(1, allowance)
    accounts = accounts.charge([0], [min(first, allowance)])
    left = accounts.left
    accounts.charge([0], left)
    with pytest.raises(ValueError, match="exceeds what owner 0 has left"):
        accounts.charge([0], torch.nextafter(left, left + 1))


def test_ten_tenths_are_booked_as_no_less_than_one():
    accounts = Accountant.open(1)
    for _ in range(10):
        accounts = accounts.charge([0], [0.1])
    assert functools.reduce(operator.add, [0.1] * 10) < 1.0 <= accounts.spent.item()


def test_several_uploads_of_one_owner_add_up_and_are_never_booked_as_less():
    accounts = Accountant.open(3).charge([2, 0, 2, 2], [0.1, 0.5, 0.2, 0.4])
    assert accounts.spent.tolist() == [0.5, 0.0, pytest.approx(0.7)]
    tenths = Accountant.open(1).charge([0] * 10, [0.1] * 10)
    assert functools.reduce(operator.add, [0.1] * 10) < 1.0 <= tenths.spent.item()


def test_several_uploads_that_together_exceed_an_allowance_are_refused_and_nothing_is_booked():
    accounts = Accountant.open(2, 1.0).charge([1], [0.5])
    with pytest.raises(ValueError, match=r"privacy_loss\[2\] = 0.3 exceeds what owner 1 has left, 0.5"):
        accounts.charge([1, 0, 1], [0.3, 0.9, 0.3])
    assert accounts.spent.tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("owners", "loss", "says"),
    [
        ([3], [0.1], "there are owners 0 to 2"),
        ([0], [-0.1], r"privacy_loss\[0\] = -0.1"),
        ([0], [math.inf], "finite"),
        ([0, 1], [0.1], r"pass shape \[2\]"),
    ],
)
def test_bad_charges_are_refused(owners, loss, says):
    with pytest.raises(ValueError, match=says):
        Accountant.open(3).charge(owners, loss)


@pytest.mark.parametrize("allowance", [0.0, -1.0, math.nan, "2"])
def test_bad_allowances_are_refused(allowance):
    with pytest.raises(ValueError, match="pass a number over 0, or infinity"):
        Accountant.open(3, allowance)
