from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.registry import auction_classes
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.incentives import controls
from analysis.incentives.attackers.lattice import Lattice
from analysis.incentives.attackers.registry import attacker_classes
from analysis.incentives.attackers.staying_away import StayingAway


def test_every_planted_and_every_refuted_mechanism_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "PROFILES", 8)
    monkeypatch.setattr(controls, "QUERIES", 20)
    able = tuple(kind() for kind in attacker_classes().values())
    table = controls.positive_controls(able, OwnerPrior(), 8, 0).set_index("control")
    assert set(table.index) == {name for name, kind in auction_classes().items() if kind.planted or kind.refuted}
    assert table["caught"].all()
    assert {"pay-as-bid", "fixed-share", "leaky-menu", "all-in"} <= set(table.index)
    assert 0.3 < table.loc["pay-as-bid", "power"] <= 1
    assert table["power"].notna().sum() == 1
    assert table["first_caught"].str.contains("query").all()


def test_an_audit_without_power_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "PROFILES", 4)
    table = controls.positive_controls((StayingAway(),), OwnerPrior(), 4, 0)
    assert not table["caught"].any()
    assert (table["first_caught"] == "").all()
    monkeypatch.setattr(controls, "QUERIES", 1)
    assert controls.positive_controls((Lattice(),), OwnerPrior(), 4, 0)["mean"].max() < 1


def test_the_largest_gain_of_a_first_price_by_hand() -> None:
    # Costs 2 and 3, budget 8: alone, the first may ask 5 and the second 6.
    factor = torch.tensor([[2.0, 3.0]], dtype=torch.float64) / 2
    types = OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(1, 2).long(), factor=factor),
        privacy_budget=torch.ones(1, 2).double(),
        data_size=torch.ones(1, 2).long(),
    )
    largest = controls.largest_gain(PayAsBid(), types, torch.tensor([8.0]).double())
    torch.testing.assert_close(largest, torch.tensor([[3.0, 3.0]]).double(), rtol=1e-9, atol=0)
