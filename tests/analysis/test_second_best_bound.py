"""A bound that no truthful auction beats: below what is reached, close to what can be computed otherwise."""

from __future__ import annotations

import pytest
import torch

from agents.prior import OwnerPrior
from analysis.second_best_bound import _drawn, truthful_bound

SMALL = {"owners": 4, "situations": 8, "draws": 6, "steps": 120}


def test_with_known_factors_it_is_just_below_the_first_best():
    prior = OwnerPrior(factor=(1.0, 1.0), budgets="independent", budget_factor=(0.4, 0.4))
    found = truthful_bound(prior, **SMALL)
    assert 0.96 < found["bound_over_first_best"] < 1
    assert found["second_best_over_first_best"] == 1


@pytest.mark.parametrize("budgets", ["tied", "independent"])
def test_private_factors_cost_something_but_less_than_keeping_every_profile_within_the_budget(budgets):
    prior = OwnerPrior(budgets=budgets, budget_factor=(0.3, 0.6))
    found = truthful_bound(prior, **SMALL)
    assert found["first_best"] < found["bound"] < 1.02 * found["second_best"]
    assert found["bound_over_first_best_low"] <= found["bound_over_first_best"] <= found["bound_over_first_best_high"]


def test_given_an_independent_budget_virtual_costs_are_twice_the_factor_less_the_lowest():
    prior = OwnerPrior(budgets="independent")
    generator = torch.Generator().manual_seed(0)
    types, budget = prior.sample(3, 4, generator)
    draws = _drawn(types, budget, prior, torch.arange(3).repeat_interleave(2), generator)
    assert torch.equal(draws.virtual, 2 * draws.types.valuation.factor - 0.5)


def test_given_a_tied_budget_of_a_single_owner_virtual_costs_follow_from_her_density():
    # One owner: the budget is f d v(cap) factor, so that her factor has density 1 / factor between B / (2 d v) and
    # B / (0.1 d v), cut to [0.5, 1.5]. F / f is then factor * log(factor / lowest).
    prior = OwnerPrior()
    generator = torch.Generator().manual_seed(0)
    types, budget = prior.sample(40, 1, generator)
    draws = _drawn(types, budget, prior, torch.arange(40).repeat_interleave(3), generator)
    factor = draws.types.valuation.factor[:, 0]
    unit = (types.cost_at_own_budget() / types.valuation.factor)[:, 0].repeat_interleave(3)
    lowest = (draws.budget / (2 * unit)).clamp(min=0.5)
    assert bool((factor >= lowest).all())
    assert bool((draws.budget / (unit * factor) >= 0.1).all())
    torch.testing.assert_close(draws.virtual[:, 0], factor + factor * (factor / lowest).log())


def test_a_budget_that_gives_costs_away_is_refused():
    with pytest.raises(ValueError, match="gives costs away; pass a range, or budgets='independent'"):
        truthful_bound(OwnerPrior(budget_factor=(0.5, 0.5)), **SMALL)
