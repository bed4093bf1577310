"""The prior: sizes, valuations and budgets as the paper draws them, and the public units."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import FAMILIES


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(0, 5000), st.sampled_from(["lognormal", "equal"]))
def test_a_population_holds_exactly_its_records(seed, owners, more, sizes):
    prior = OwnerPrior(records=owners + more, owners=owners, sizes=sizes)
    size = prior.population(generator(seed)).data_size
    assert size.shape == (1, owners)
    assert int(size.sum()) == owners + more
    assert int(size.min()) >= prior.floor


def test_equal_sizes_differ_by_one_record_at_most():
    size = OwnerPrior(records=103, owners=10, sizes="equal").population(generator(0)).data_size
    assert sorted(size[0].tolist()) == [10] * 7 + [11] * 3


def test_the_floor_is_ten_records_or_one_where_there_are_few():
    assert OwnerPrior(records=20_000, owners=1000).floor == 10
    assert OwnerPrior(records=19_999, owners=1000).floor == 1
    assert OwnerPrior(records=19_999, owners=1000, floor=5).floor == 5


def test_one_owner_of_ten_holds_nearly_half_of_the_data():
    types, _ = OwnerPrior().sample(2000, 10, generator(1))
    size = types.data_size.double()
    assert (size.amax(-1) / size.sum(-1)).mean().item() == pytest.approx(0.47, abs=0.015)


def test_shares_above_the_floor_are_lognormal_with_spread_two():
    prior = OwnerPrior(records=10**11, owners=1000)
    types, _ = prior.sample(20, 1000, generator(1))
    logs = (types.data_size - prior.floor).double().log()
    assert (logs - logs.mean(-1, keepdim=True)).std().item() == pytest.approx(2.0, abs=0.04)


def test_types_come_from_their_ranges_uniformly():
    types, _ = OwnerPrior().sample(400, 50, generator(2))
    factor, cap = types.valuation.factor, types.privacy_budget
    assert 0.5 <= factor.min() < 0.51
    assert 1.49 < factor.max() <= 1.5
    assert 0.5 <= cap.min() < 0.51
    assert 1.99 < cap.max() <= 2.0
    assert factor.mean().item() == pytest.approx(1.0, abs=0.01)
    assert cap.mean().item() == pytest.approx(1.25, abs=0.01)
    for index in range(len(FAMILIES)):
        assert (types.valuation.family == index).double().mean().item() == pytest.approx(0.25, abs=0.01)


def test_tied_budgets_are_a_factor_of_the_true_cost_of_everything():
    types, budget = OwnerPrior(budget_factor=(0.1, 2.0)).sample(2000, 10, generator(3))
    factor = budget / types.cost_at_own_budget().sum(-1)
    assert 0.1 <= factor.min() < 0.11
    assert 1.99 < factor.max() <= 2.0
    assert factor.mean().item() == pytest.approx(1.05, abs=0.03)


def test_independent_budgets_know_nothing_of_the_types():
    prior = OwnerPrior(budgets="independent")
    first, _ = prior.sample(50, 10, generator(4))
    second, _ = prior.sample(50, 10, generator(5))
    assert torch.equal(prior.budget(first, generator(6)), prior.budget(second, generator(6)))
    everything = 10 * prior.units.money
    assert prior.cost_of_everything(first).tolist() == pytest.approx([everything] * 50)


def test_an_absent_owner_adds_nothing_to_an_independent_budget():
    prior = OwnerPrior(budgets="independent")
    types, _ = prior.sample(1, 4, generator(7))
    size = types.data_size.clone()
    size[0, 1] = 0
    fewer = OwnerTypes(valuation=types.valuation, privacy_budget=types.privacy_budget, data_size=size)
    assert prior.cost_of_everything(fewer).item() == pytest.approx(3 * prior.units.money)


@pytest.mark.parametrize("families", [*[(name,) for name in FAMILIES], FAMILIES, ("linear", "exponential")])
def test_the_mean_cost_per_record_is_the_one_sampled(families):
    prior = OwnerPrior(families=families)
    types, _ = prior.sample(2000, 50, generator(8))
    sampled = types.valuation.at(types.privacy_budget).mean().item()
    assert prior.cost_per_record == pytest.approx(sampled, rel=0.01)


@pytest.mark.parametrize(("family", "worth"), [("linear", 2.0), ("quadratic", 1.0), ("square_root", 2.0)])
def test_with_one_privacy_budget_for_all_the_mean_is_the_curve(family, worth):
    assert OwnerPrior(families=(family,), privacy_budget=(1.0, 1.0)).cost_per_record == pytest.approx(worth)


def test_the_exponential_mean_at_one_privacy_budget():
    prior = OwnerPrior(families=("exponential",), privacy_budget=(1.0, 1.0))
    assert prior.cost_per_record == pytest.approx(1.718281828459045)


def test_units_are_public_means():
    prior = OwnerPrior(records=5000, owners=100)
    assert prior.units.records == 50.0
    assert prior.units.money == pytest.approx(50.0 * prior.cost_per_record)


def test_one_seed_one_draw():
    for name in ("data_size", "privacy_budget"):
        first, second = (getattr(OwnerPrior().sample(4, 10, generator(9))[0], name) for _ in range(2))
        assert torch.equal(first, second)


def test_more_bidders_than_the_population_has_can_be_drawn():
    types, budget = OwnerPrior(records=100, owners=10).sample(2, 25, generator(10))
    assert types.shape == (2, 25)
    assert bool((types.data_size >= 1).all())
    assert budget.shape == (2,)


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"owners": 0}, ValueError, "owners = 0: pass a whole number between 1"),
        ({"owners": 2.0}, TypeError, r"owners = 2\.0 is not a whole number; pass an int"),
        ({"records": 10}, ValueError, "records = 10: pass a whole number between 1000"),
        ({"sizes": "lognormall"}, ValueError, "sizes = 'lognormall' is not known; did you mean 'lognormal'"),
        ({"budgets": "free"}, ValueError, "budgets = 'free' is not known"),
        ({"floor": 0}, ValueError, "floor = 0: pass a whole number between 1"),
        ({"floor": 1000}, ValueError, "floor = 1000: pass a whole number between 1 and 125"),
        ({"factor": (0.0, 1.0)}, ValueError, r"factor\[0\] = 0\.0: pass a finite number over 0"),
        ({"factor": (2.0, 1.0)}, ValueError, r"factor\[1\] = 1\.0: pass a number between 2"),
        ({"privacy_budget": (0.5,)}, ValueError, r"privacy_budget = \(0\.5,\): pass a pair"),
        ({"budget_factor": (-0.1, 1.0)}, ValueError, r"budget_factor\[0\] = -0\.1: pass a number between 0"),
        ({"budget_factor": (0.0, float("inf"))}, ValueError, r"budget_factor\[1\] = inf: .* 0 and 1e\+30"),
        ({"factor": 1.0}, TypeError, r"factor = 1\.0: pass a pair \(low, high\)"),
        ({"factor": (1.0, 1e31)}, ValueError, r"factor\[1\] = 1e\+31: pass a number between 1 and 1e\+30"),
        ({"privacy_budget": "12"}, TypeError, "privacy_budget = '12': pass a pair"),
        ({"privacy_budget": (0.5, 800)}, ValueError, r"privacy_budget\[1\] = 800: pass a number between 0\.5 and 100"),
        ({"families": "linear"}, TypeError, r"families = 'linear': pass a tuple of names, e\.g\. \('linear',\)"),
        ({"families": ()}, ValueError, "families is empty: name at least one"),
        ({"families": ("cubic",)}, ValueError, "families = 'cubic' is not known"),
    ],
)
def test_a_bad_prior_is_refused(fields, kind, message):
    with pytest.raises(kind, match=message):
        OwnerPrior(**fields)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0, 10), ValueError, "batch = 0"),
        ((1, 0), ValueError, "owners = 0"),
        ((1, 1.5), TypeError, r"owners = 1\.5"),
    ],
)
def test_a_bad_draw_is_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        OwnerPrior().sample(*arguments, generator(0))


def test_at_the_largest_ranges_taken_money_is_still_finite():
    prior = OwnerPrior(factor=(1e30, 1e30), privacy_budget=(100.0, 100.0), budget_factor=(1e30, 1e30))
    types, budget = prior.sample(2, 5, generator(0))
    assert bool(torch.isfinite(budget).all())
    assert bool(torch.isfinite(types.cost_at_own_budget()).all())
    assert math.isfinite(prior.units.money)


def test_no_draw_without_a_stream():
    for draw in (lambda: OwnerPrior().sample(1, 1, None), lambda: OwnerPrior().population(7)):
        with pytest.raises(TypeError, match=r"pass a torch\.Generator"):
            draw()
