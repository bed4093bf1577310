"""Pure lies: told, and recognised."""

from __future__ import annotations

import torch

from agents.misreports.scalar import MISREPORTS, Misreport
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import tabulated


def owners(count: int = 50) -> OwnerTypes:
    return OwnerPrior(records=100 * count, owners=count).population(torch.Generator().manual_seed(1))


def test_the_first_lie_is_the_truth_bit_by_bit() -> None:
    types = owners()
    told = MISREPORTS[torch.zeros(50, dtype=torch.int64)].tell(types)
    assert torch.equal(told.valuation.factor, types.valuation.factor)
    assert torch.equal(told.privacy_budget, types.privacy_budget)
    assert torch.equal(told.data_size, types.data_size)


def test_a_lie_multiplies_what_is_true_and_keeps_one_record() -> None:
    types = OwnerPrior(records=3, owners=2, sizes="equal").population(torch.Generator().manual_seed(1))
    told = Misreport.of((2.0, 0.5, 0.5), (1.0, 1.0, 0.1)).tell(types)
    assert torch.equal(told.valuation.factor, types.valuation.factor * torch.tensor([2.0, 1.0]).double())
    assert torch.equal(told.privacy_budget, types.privacy_budget * torch.tensor([0.5, 1.0]).double())
    assert types.data_size.tolist() == [[2, 1]]
    assert told.data_size.tolist() == [[1, 1]]


def test_every_lie_is_recognised_and_nothing_else_is() -> None:
    types = owners()
    arm = torch.arange(50) % len(MISREPORTS)
    bids = MISREPORTS[arm].tell(types)
    assert torch.equal(MISREPORTS.recognise(types, bids), arm)
    # A single record cannot be halved: what is said is the truth.
    poor = OwnerTypes(types.valuation, types.privacy_budget, torch.ones_like(types.data_size))
    assert set(MISREPORTS.recognise(poor, MISREPORTS[torch.full((50,), 7)].tell(poor)).tolist()) == {0}
    assert set(MISREPORTS.recognise(types, Misreport.of((1.1, 1.0, 1.0)).tell(types)).tolist()) == {-1}


def test_tables_are_lied_about_and_recognised_too() -> None:
    types = owners(8)
    table = OwnerTypes(tabulated(types.valuation, [1.0, 2.0]), types.privacy_budget, types.data_size)
    arm = torch.arange(8)
    assert torch.equal(MISREPORTS.recognise(table, MISREPORTS[arm].tell(table)), arm)
