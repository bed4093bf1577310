"""How numbers are read: four digits, brackets for intervals, no sign before a zero."""

from __future__ import annotations

import math

import pytest

from analysis.formatting import counted, fixed, percent, rounded, with_interval


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
    assert with_interval(1.0, 0.5, 2.0) == "1 [0.5, 2]"
    assert with_interval(1.0, -math.inf, math.inf) == "1"


def test_things_are_counted():
    assert (counted(1, "lie"), counted(1200, "lie"), counted(2, "entry", "entries")) == (
        "1 lie",
        "1,200 lies",
        "2 entries",
    )
