from __future__ import annotations

import torch

from agents.messages import Bids
from agents.valuation import ParametricValuation, TabulatedValuation
from analysis.incentives.attackers.lattice import changes, lattice, misreport_at
from analysis.incentives.threat_model import ThreatModel


def one(family: int = 0, factor: float = 1.0, cap: float = 2.0, records: int = 10) -> Bids:
    return Bids(
        valuation=ParametricValuation(family=torch.tensor([[family]]), factor=torch.tensor([[factor]]).double()),
        privacy_budget=torch.tensor([[cap]]).double(),
        data_size=torch.tensor([[records]]),
    )


def test_only_admitted_fields_have_an_axis() -> None:
    size = lattice(ThreatModel(frozenset({"data_size"})), parametric=True)
    assert {point[:3] for point in size} == {(0, 1.0, 1.0)}
    assert all(changes(point) == 1 for point in size)
    everything = lattice(ThreatModel(), parametric=True)
    assert (0, 1.0, 1.0, 1.0) not in everything
    assert max(changes(point) for point in everything) == 4


def test_a_scaled_claim_to_half_of_everything() -> None:
    misreport = misreport_at(one(), (0, 2.0, 0.5, 0.5))
    assert misreport.valuation.at(torch.ones(1, 1).double()).item() == 4.0
    assert (misreport.privacy_budget.item(), misreport.data_size.item()) == (1.0, 5)


def test_another_family_costs_the_same_at_the_true_privacy_budget() -> None:
    # 2e at e = 2 is 4; as a quadratic that is e squared.
    misreport = misreport_at(one(), (1, 1.0, 1.0, 1.0))
    assert misreport.valuation.at(torch.tensor([[2.0]]).double()).item() == 4.0
    assert misreport.valuation.at(torch.tensor([[1.0]]).double()).item() == 1.0


def test_at_least_one_record_stays_for_sale_and_absent_owners_stay_absent() -> None:
    assert misreport_at(one(records=3), (0, 1.0, 1.0, 0.01)).data_size.item() == 1
    assert misreport_at(one(records=0), (0, 1.0, 1.0, 0.01)).data_size.item() == 0


def test_a_tabulated_owner_has_no_other_family() -> None:
    table = TabulatedValuation(levels=torch.tensor([1.0]).double(), cost=torch.tensor([[[3.0]]]).double())
    misreport = misreport_at(one(cap=1.0).replace(valuation=table), (2, 0.5, 1.0, 1.0))
    assert misreport.valuation.at(torch.ones(1, 1).double()).item() == 1.5
    assert not any(point[0] for point in lattice(ThreatModel(), parametric=False))
