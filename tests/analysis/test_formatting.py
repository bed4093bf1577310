"""How numbers are read: as many digits as count, brackets for intervals, no sign before a zero."""

from __future__ import annotations

import math

import pytest

from analysis.formatting import MINUS, NOTHING, accuracy, counted, fixed, percent, rounded, with_interval


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (12, "12"),
        (1234567, "1,234,567"),
        (1234.5, "1,234"),
        (0.0123456, "0.01235"),
        (-3.5, "\N{MINUS SIGN}3.5"),
        (math.inf, "∞"),
        (-math.inf, "\N{MINUS SIGN}∞"),
        (math.nan, "\N{EN DASH}"),
    ],
)
def test_numbers_are_read_with_four_digits(value, read):
    assert rounded(value) == read


@pytest.mark.parametrize(
    ("value", "places", "read"),
    [
        (-0.0, 2, "0.00"),
        (-0.004, 2, "0.00"),
        (-0.006, 2, "\N{MINUS SIGN}0.01"),
        (1234.5678, 1, "1,234.6"),
        (-0.4, 0, "0"),
        (math.inf, 2, "∞"),
    ],
)
def test_what_rounds_to_zero_has_no_sign(value, places, read):
    assert fixed(value, places) == read


def test_shares_are_read_in_per_cent():
    read = {0.7: "70 %", 0.709006: "71 %", 1.7: "170 %", 0.0123: "1.2 %", -0.25: "\N{MINUS SIGN}25 %", 0.0: "0 %"}
    assert {share: percent(share) for share in read} == read


def test_an_interval_without_ends_is_left_away():
    assert with_interval(1.0, -math.inf, math.inf) == "1"
    assert with_interval(0.58333, math.nan, math.nan) == "0.583"


@pytest.mark.parametrize(
    ("interval", "read"),
    [
        ((1.0, 0.5, 2.0), "1.0 [0.5, 2.0]"),
        ((0.85167, 0.84031, 0.86382), "0.852 [0.840, 0.864]"),
        ((1.9049, 1.8675, 1.9441), "1.90 [1.87, 1.94]"),
        ((-2.416, -2.565, -2.279), "-2.42 [-2.56, -2.28]".replace("-", MINUS)),
        ((1596.2, 1552.9, 1639.1), "1,596 [1,553, 1,639]"),
        ((30.0, 30.0, 30.0), "30 [30, 30]"),
        ((0.0, 0.0, 0.1995), "0 [0, 0.20]"),
        ((1e-7, 0.0, 3e-7), "0.00000010 [0, 0.00000030]"),
    ],
)
def test_a_mean_has_the_digits_that_its_interval_leaves_room_for(interval, read):
    assert with_interval(*interval) == read


def test_an_accuracy_has_two_decimals():
    assert (accuracy(0.56944), accuracy(0.6), accuracy(math.nan)) == ("0.57", "0.60", NOTHING)


def test_things_are_counted():
    assert (counted(1, "lie"), counted(1200, "lie"), counted(2, "entry", "entries")) == (
        "1 lie",
        "1,200 lies",
        "2 entries",
    )
