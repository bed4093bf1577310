"""True types: the cost and the utility of an outcome, by hand and for any draw."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.messages import Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


def three_owners() -> OwnerTypes:
    """Linear valuations 2, 4 and 6 per record at a privacy loss of 1."""
    return OwnerTypes(
        valuation=ParametricValuation(family=[[0, 0, 0]], factor=[[1.0, 2.0, 3.0]]),
        privacy_budget=[[1.0, 2.0, 0.5]],
        data_size=[[10, 20, 30]],
    )


def outcome(privacy_loss: list[float], payment: list[float], records: list[int]) -> Outcome:
    return Outcome(
        privacy_loss=torch.tensor([privacy_loss], dtype=torch.float64), payment=[payment], data_size=[records]
    )


def test_utility_is_payment_less_cost():
    sold = outcome([1.0, 0.5, 0.0], [25.0, 30.0, 0.0], [10, 20, 0])
    assert three_owners().cost(sold).tolist() == [[20.0, 40.0, 0.0]]
    assert three_owners().utility(sold).tolist() == [[5.0, -10.0, 0.0]]


def test_selling_what_she_does_not_have_or_tolerate_is_worth_minus_infinity():
    sold = outcome([1.0000001, 2.0, 0.5], [1e9, 1e9, 1e9], [10, 21, 30])
    assert three_owners().utility(sold).tolist() == [[-math.inf, -math.inf, 1e9 - 90.0]]


def test_cost_at_the_own_budget_is_everything_she_can_sell():
    assert three_owners().cost_at_own_budget().tolist() == [[20.0, 160.0, 90.0]]


def test_the_truthful_bid_is_the_type():
    types = three_owners()
    bids = types.truthful_bids()
    assert bids.valuation is types.valuation
    assert torch.equal(bids.privacy_budget, types.privacy_budget)
    assert torch.equal(bids.data_size, types.data_size)


def test_take_picks_owners():
    assert three_owners().take(owners=slice(1, 2)).cost_at_own_budget().tolist() == [[160.0]]


def test_bad_types_are_refused_like_bids():
    with pytest.raises(ValueError, match=r"privacy_budget\[0, 0\] = -1\.0"):
        OwnerTypes(valuation=three_owners().valuation, privacy_budget=[[-1.0, 1.0, 1.0]], data_size=[[1, 1, 1]])


@given(st.integers(0, 2**31), st.floats(0, 1), st.floats(0, 1))
def test_paid_her_cost_nobody_gains_or_loses(seed, part_of_budget, part_of_data):
    types, _ = OwnerPrior().sample(3, 5, torch.Generator().manual_seed(seed))
    sold = Outcome.nothing(3, 5)
    records = (types.data_size * part_of_data).long()
    loss = torch.where(records > 0, types.privacy_budget * part_of_budget, 0.0)
    sold = Outcome(privacy_loss=loss, payment=records.double() * types.valuation.at(loss), data_size=records)
    # Utility is exact; the payment here is a rounded cost.
    assert bool((types.utility(sold).abs() <= 2.0**-53 * sold.payment).all())
    assert bool((types.cost(sold) <= types.cost_at_own_budget()).all())


@pytest.mark.parametrize("worth", [OwnerTypes.utility, OwnerTypes.cost])
def test_only_an_outcome_of_these_owners_is_worth_anything_to_them(worth):
    with pytest.raises(TypeError, match="outcome is a Bids; pass the Outcome that an auction's run gives"):
        worth(three_owners(), three_owners().truthful_bids())
    with pytest.raises(ValueError, match=r"outcome has shape \[1, 1\] but these owners have \[1, 3\]"):
        worth(three_owners(), outcome([1.0], [1.0], [1]))
