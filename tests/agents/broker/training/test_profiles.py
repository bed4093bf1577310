"""Markets as training sees them are the markets that owners bid in."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from agents.broker.auctions.parts.allocation_network import grid
from agents.broker.training.profiles import Profiles
from agents.misreports.encoded import encoded_truth
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import ParametricValuation, tabulated

ONE = PublicUnits(records=1.0, money_per_record=1.0)


def test_costs_are_those_of_the_valuations(generator):
    types, budget = OwnerPrior().sample(30, 6, generator)
    profiles = Profiles.of(types, budget, OwnerPrior().units)
    exact = types.valuation.at(grid(types.privacy_budget, 4)[..., 1:]) / OwnerPrior().units.money_per_record
    torch.testing.assert_close(profiles.truthful(4).value.double(), exact, rtol=1e-5, atol=1e-6)


def test_a_misreport_by_hand():
    types = OwnerTypes(
        valuation=ParametricValuation(
            family=torch.tensor([[0, 1]]), factor=torch.tensor([[1.0, 1.0]], dtype=torch.float64)
        ),
        privacy_budget=torch.tensor([[2.0, 2.0]], dtype=torch.float64),
        data_size=torch.tensor([[10, 8]]),
    )
    profiles = Profiles.of(types, torch.tensor([5.0], dtype=torch.float64), ONE)
    misreports = torch.tensor([[math.log(3.0), 1.0, math.log(0.5), math.log(0.25), 0.5]])

    reports, cost = profiles.with_deviators(2, torch.tensor([1]), misreports)

    # She admits to half of her privacy budget and a quarter of her data. At 0.5 her cost is 0.25: three times that,
    # tilted to a half; at 1 it is 1, threefold, and a thousandfold beyond her reach.
    assert reports.cap[0].tolist() == [2.0, 1.0]
    assert reports.size[0].tolist() == [10.0, 2.0]
    assert reports.value[0, 0].tolist() == [2.0, 4.0]
    assert reports.value[0, 1].tolist() == pytest.approx([0.375, 3000.0])
    assert cost[0].tolist() == pytest.approx([0.0, 0.5, 2.0])


def test_who_tells_the_truth_changes_nothing(generator):
    types, budget = OwnerPrior().sample(9, 4, generator)
    profiles = Profiles.of(types, budget, OwnerPrior().units)
    honest = profiles.truthful(3)
    told, cost = profiles.with_deviators(3, torch.arange(9) % 4, encoded_truth(9).float())
    for field in dataclasses.fields(honest):
        torch.testing.assert_close(getattr(told, field.name), getattr(honest, field.name))
    torch.testing.assert_close(cost, honest.cost()[torch.arange(9), torch.arange(9) % 4])


def test_other_valuations_are_refused(generator):
    types, budget = OwnerPrior().sample(2, 2, generator)
    table = dataclasses.replace(types, valuation=tabulated(types.valuation, [0.5, 1.0]))
    with pytest.raises(TypeError, match="TabulatedValuation; train on a prior of the paper's families"):
        Profiles.of(table, budget, ONE)
