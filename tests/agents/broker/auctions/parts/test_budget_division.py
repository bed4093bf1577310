"""The weighted uniform rule: golden divisions, and the two properties that a menu needs of it."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.parts.budget_division import common_rate


def divided(claim: list[float], weight: list[float], budget: float) -> tuple[float, list[bool]]:
    arrays = (torch.tensor([numbers], dtype=torch.float64) for numbers in (claim, weight))
    rate, capped = common_rate(*arrays, torch.tensor([budget], dtype=torch.float64))
    return float(rate), capped[0].tolist()


def test_claims_that_fit_are_met():
    assert divided([1, 2, 3], [1, 1, 1], 6) == (float("inf"), [False, False, False])


def test_the_smallest_claim_is_met_and_the_others_share_what_is_left():
    assert divided([1, 5, 9], [1, 1, 1], 7) == (3.0, [False, True, True])


def test_shares_are_proportional_to_weights():
    assert divided([8, 8], [1, 3], 8) == (2.0, [True, True])


def test_without_money_everybody_is_capped_at_nothing():
    assert divided([1, 2], [1, 1], 0) == (0.0, [True, True])


claims = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 8)), min_size=1, max_size=6)


@given(claims, st.integers(1, 80))
def test_the_budget_is_spent_and_not_exceeded(owners, budget):
    rate, capped = divided([c for c, _ in owners], [w for _, w in owners], budget)
    paid = sum(min(c, rate * w) for c, w in owners)
    assert abs(paid - min(budget, sum(c for c, _ in owners))) < 1e-9
    assert all(flag == (c > rate * w + 1e-9) for (c, w), flag in zip(owners, capped, strict=True) if c != rate * w)


@given(claims, st.integers(1, 80), st.integers(0, 60))
def test_nobody_moves_her_own_part_by_claiming_otherwise(owners, budget, other):
    """Whoever is capped stays capped at the same part by any larger claim, and gets her claim by any smaller one."""
    claim, weight = [c for c, _ in owners], [w for _, w in owners]
    before = divided(claim, weight, budget)[0] * weight[0]
    after = divided([other, *claim[1:]], weight, budget)[0] * weight[0]
    if claim[0] > before:
        assert abs(min(other, after) - min(other, before)) < 1e-9
