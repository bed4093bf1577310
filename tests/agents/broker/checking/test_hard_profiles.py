from __future__ import annotations

import torch

from agents.broker.checking.hard_profiles import hard_profiles
from agents.prior import OwnerPrior


def test_every_kind_comes_in_the_asked_number_and_is_what_it_says(generator: torch.Generator) -> None:
    kinds = {name: (types, budget) for name, types, budget in hard_profiles(OwnerPrior(), 7, generator)}
    assert all(types.shape[0] == 7 and budget.shape == (7,) for types, budget in kinds.values())
    assert kinds["1 owner"][0].shape == (7, 1)
    assert kinds["25 owners"][0].shape == (7, 25)
    assert not bool(kinds["no budget"][1].any())
    assert not bool(kinds["nobody there"][0].data_size.any())
    assert bool((kinds["absent owners"][0].data_size == 0).any())
    assert int(kinds["huge data sizes"][0].data_size.max()) > 10**8
    assert float(kinds["tiny privacy budgets"][0].privacy_budget.max()) < 0.011
    assert float(kinds["wide privacy budgets"][0].privacy_budget.max()) > 4
    assert bool((kinds["free owners"][0].cost_at_own_budget() == 0).any())
    assert float(kinds["boundless privacy budgets, some free"][0].privacy_budget.max()) == 1e300
    assert float(kinds["budgets next to nothing and next to infinity"][1].min()) == 5e-324
    assert bool(torch.isinf(kinds["tabulated valuations"][0].cost_at_own_budget()).any())


def test_ties_are_exact(generator: torch.Generator) -> None:
    kinds = {name: types for name, types, _ in hard_profiles(OwnerPrior(), 4, generator)}
    equal = kinds["equal owners"].cost_at_own_budget()
    assert torch.equal(equal, equal[:, :1].expand_as(equal))
    scaled = kinds["equal but for size"]
    unit = scaled.valuation.at(scaled.privacy_budget)
    assert torch.equal(unit, unit[:, :1].expand_as(unit))
    assert len(scaled.data_size.unique()) > 4


def test_the_same_generator_gives_the_same_profiles() -> None:
    one, two = (list(hard_profiles(OwnerPrior(), 2, torch.Generator().manual_seed(5))) for _ in range(2))
    for (name, types, budget), (same, again, money) in zip(one, two, strict=True):
        assert name == same
        assert torch.equal(types.data_size, again.data_size)
        assert torch.equal(budget, money)
