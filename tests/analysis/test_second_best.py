"""Second best: virtual costs by hand, and where it must lie."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.broker.first_best import first_best
from agents.broker.training.truthful_figures import true_error_bound
from agents.prior import OwnerPrior
from agents.valuation import TabulatedValuation
from analysis.second_best import second_best, virtual_types


def drawn(count: int, **fields):
    prior = OwnerPrior(**fields)
    return prior, *prior.sample(count, 5, torch.Generator().manual_seed(1))


def test_a_virtual_factor_is_twice_the_factor_less_the_lowest():
    prior, types, _ = drawn(50)
    factor = virtual_types(types, prior).valuation.factor
    assert torch.equal(factor, 2 * types.valuation.factor - 0.5)
    assert 0.5 <= float(factor.min()) <= float(factor.max()) <= 2.5


def test_it_lies_between_the_first_best_and_the_best_truthful_auction_we_have():
    prior, types, budget = drawn(20, budget_factor=(0.5, 0.5))
    minimum, found = first_best(types, budget).error_bound, second_best(types, budget, prior).error_bound
    menu = load_auction("sequential-menu", prior)
    reached = true_error_bound(types, menu.run(types.truthful_bids(), budget))
    assert float(minimum.mean()) < float(found.mean()) < float(reached.mean())
    assert bool((minimum <= found * (1 + 1e-2)).all())


def test_without_private_factors_it_is_the_first_best():
    prior, types, budget = drawn(3, factor=(1.0, 1.0))
    known, private = first_best(types, budget, rounds=0), second_best(types, budget, prior, rounds=0)
    assert torch.equal(known.error_bound, private.error_bound)


def test_a_budget_that_covers_all_virtual_costs_buys_what_money_can():
    prior, types, _ = drawn(5)
    budget = virtual_types(types, prior).cost_at_own_budget().sum(-1) * 1.01
    found = second_best(types, budget, prior)
    assert torch.equal(found.records, types.data_size.double())


def test_owners_of_another_kind_are_refused():
    prior, types, _ = drawn(2)
    with pytest.raises(ValueError, match=r"factors outside the prior's, 1 to 1\.5"):
        virtual_types(types, OwnerPrior(factor=(1.0, 1.5)))
    levels = torch.tensor([1.0, 2.0], dtype=torch.float64)
    table = TabulatedValuation(levels=levels, cost=torch.ones(2, 5, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="TabulatedValuation: pass owners drawn from the prior"):
        virtual_types(
            type(types)(valuation=table, privacy_budget=types.privacy_budget, data_size=types.data_size), prior
        )
