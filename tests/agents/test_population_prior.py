"""Owners of one's own as the distribution that bidders come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agents.population_prior import PopulationPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation, TabulatedValuation

LINES = """family,factor,cost@0.5,cost@1,privacy_budget,data_size
linear,1.0,,,1.0,10
,,1.0,3.0,1.0,20
linear,0.5,,,0.5,30
"""


@pytest.fixture
def owners(tmp_path: Path) -> Path:
    path = tmp_path / "owners.csv"
    path.write_text(LINES)
    return path


def test_what_is_public_is_what_the_population_has(owners: Path) -> None:
    prior = PopulationPrior.read(owners, budget_factor=(0.5, 0.5))
    assert (prior.records, prior.owners, prior.mean_size) == (60, 3, 20.0)
    assert (prior.privacy_budget, prior.budget_factor) == ((0.5, 1.0), (0.5, 0.5))
    # At their own privacy budgets: 10 records at 2, 20 at 3, 30 at 0.5.
    assert prior.cost_per_record == pytest.approx(95 / 60)
    # Between 0.5 and 2, in 31 steps: 2.5 and 1.25 on average; the table ends at 1 and counts up to there: 2.
    assert prior.units.money_per_record == pytest.approx(
        (10 * 31 * 2.5 + 20 * 11 * 2 + 30 * 31 * 1.25) / (40 * 31 + 220)
    )
    assert "OwnerTypes" not in repr(prior)


def test_bidders_are_these_owners_and_nobody_comes_twice(owners: Path, generator: torch.Generator) -> None:
    prior = PopulationPrior.read(owners, budget_factor=(0.5, 0.5))
    types, budget = prior.sample(50, 2, generator)
    assert types.shape == (50, 2)
    assert bool((types.data_size[:, 0] != types.data_size[:, 1]).all())
    assert set(types.data_size.flatten().tolist()) == {10, 20, 30}
    cost = {10: 20.0, 20: 60.0, 30: 15.0}
    own = torch.tensor([[cost[size] for size in row] for row in types.data_size.tolist()], dtype=torch.float64)
    torch.testing.assert_close(types.cost_at_own_budget(), own)
    torch.testing.assert_close(budget, own.sum(-1) / 2)


def test_where_more_bidders_are_wanted_than_there_are_some_come_again(owners: Path, generator: torch.Generator) -> None:
    types, _ = PopulationPrior.read(owners).sample(4, 7, generator)
    assert types.shape == (4, 7)
    assert {types.data_size[0].tolist().count(size) for size in (10, 20, 30)} <= {1, 2, 3}


def test_the_whole_population_is_itself(owners: Path, generator: torch.Generator) -> None:
    prior = PopulationPrior.read(owners)
    assert prior.population(generator) is prior.types


def test_budgets_may_be_drawn_without_a_look_at_the_bidders(owners: Path, generator: torch.Generator) -> None:
    prior = PopulationPrior.read(owners, budget_factor=(1.0, 1.0), budgets="independent")
    _, budget = prior.sample(5, 2, generator)
    assert budget.tolist() == pytest.approx([2 * 95 / 3] * 5)


def test_who_asks_for_infinitely_much_moves_no_budget(owners: Path) -> None:
    prior = PopulationPrior.read(owners)
    beyond = OwnerTypes(
        valuation=prior.types.valuation,
        privacy_budget=torch.full((1, 3), 2.0).double(),
        data_size=prior.types.data_size,
    )
    assert beyond.cost_at_own_budget()[0].tolist() == [40.0, torch.inf, 60.0]
    assert prior.cost_of_everything(beyond).tolist() == [100.0]


def test_owners_who_ask_for_nothing_leave_the_papers_unit_of_money() -> None:
    shape = (1, 2)
    free = ParametricValuation(family=torch.zeros(shape).long(), factor=torch.zeros(shape).double())
    types = OwnerTypes(valuation=free, privacy_budget=torch.ones(shape).double(), data_size=torch.ones(shape).long())
    assert PopulationPrior.of(types).units.money_per_record > 0


def test_tables_alone_are_dealt_out_too(generator: torch.Generator) -> None:
    cost = torch.tensor([[[1.0], [2.0], [3.0]]], dtype=torch.float64)
    types = OwnerTypes(
        valuation=TabulatedValuation(levels=torch.ones(1).double(), cost=cost),
        privacy_budget=torch.ones(1, 3).double(),
        data_size=torch.tensor([[1, 1, 1]]),
    )
    drawn, _ = PopulationPrior.of(types).sample(30, 1, generator)
    assert set(drawn.cost_at_own_budget().flatten().tolist()) == {1.0, 2.0, 3.0}


def test_what_everybody_knows_is_who_there_is_but_not_who_is_who(owners: Path) -> None:
    prior = PopulationPrior.read(owners)
    orders = set()
    for seed in range(20):
        known = prior.as_known(torch.Generator().manual_seed(seed))
        assert sorted(known.types.data_size[0].tolist()) == [10, 20, 30]
        assert known.units.records == prior.units.records
        assert known.types.cost_at_own_budget().sum() == pytest.approx(float(prior.types.cost_at_own_budget().sum()))
        orders.add(tuple(known.types.data_size[0].tolist()))
    assert len(orders) > 1
