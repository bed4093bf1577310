"""Shares made whole."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.remainders import largest_remainders


def test_what_is_left_over_goes_to_the_largest_remainders():
    amounts = torch.tensor([1.2, 3.7, 0.6, 2.5], dtype=torch.float64)
    assert largest_remainders(amounts, 8).tolist() == [1, 4, 1, 2]


def test_ties_go_to_who_comes_first():
    amounts = torch.tensor([2.5, 2.5], dtype=torch.float64)
    assert largest_remainders(amounts, 5).tolist() == [3, 2]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=30), st.integers(0, 10**6))
def test_whole_numbers_sum_to_the_total_and_are_next_to_the_amounts(weights, total):
    share = torch.tensor(weights, dtype=torch.float64)
    amounts = total * share / share.sum()
    whole = largest_remainders(amounts, total)
    assert int(whole.sum()) == total
    assert bool(((whole - amounts).abs() <= 1).all())
