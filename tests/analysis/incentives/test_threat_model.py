from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.messages import Bids
from agents.valuation import ParametricValuation
from analysis.incentives.threat_model import PAIR, SPLIT, ThreatModel, claims, threat_models


def bids(factor: float = 1.0, cap: float = 1.0, records: int = 10) -> Bids:
    return Bids(
        valuation=ParametricValuation(family=torch.zeros(1, 1).long(), factor=torch.full((1, 1), factor).double()),
        privacy_budget=torch.full((1, 1), cap).double(),
        data_size=torch.full((1, 1), records),
    )


def test_verified_fields_are_in_no_threat_model() -> None:
    models = threat_models(load_auction("sequential-menu-verified"))
    assert models["everything"].fields == {"valuation", "privacy_budget"}
    assert "data-size" not in models
    assert not any("data_size" in model.fields for model in models.values())


def test_what_is_claimed_stands_apart_where_it_is_not_everything() -> None:
    models = threat_models(load_auction("posted-price"))
    assert models["claimed"].fields == {"valuation"}
    assert models["everything"].fields == {"valuation", "privacy_budget", "data_size"}
    assert "claimed" not in threat_models(load_auction("sequential-menu"))


@pytest.mark.parametrize(
    ("auction", "threat", "claimed"),
    [
        ("sequential-menu", "everything", True),
        ("sequential-menu", "staying-away", True),
        ("sequential-menu", "splitting", False),
        ("sequential-menu", "collusion", False),
        ("posted-price", "valuation", True),
        ("posted-price", "data-size", False),
        ("fair-query", "everything", False),
    ],
)
def test_nobody_claims_more_than_her_guarantees(auction: str, threat: str, claimed: bool) -> None:
    rule = load_auction(auction)
    assert claims(rule, threat_models(rule)[threat]) is claimed


def test_the_threat_model_says_what_may_be_changed_and_what_is_known() -> None:
    said = ThreatModel(frozenset({"privacy_budget", "valuation"}), stay_away=False).describe()
    assert said.startswith("one owner may change: privacy budget down, valuation;")
    assert "everybody else's bids" in said
    assert "stay as they are" in said
    assert ThreatModel(deviators=SPLIT).describe().startswith("one owner as two")
    assert ThreatModel(deviators=PAIR).describe().startswith("two owners together")


@pytest.mark.parametrize(
    ("misreport", "said"),
    [
        (bids(cap=2.0), "privacy_budget over the true one"),
        (bids(records=11), "data_size over the true one"),
        (bids(records=9), "data_size"),
        (bids(cap=0.5), "privacy_budget"),
        (bids(records=0), r"data_size of 0 \(staying away\)"),
    ],
)
def test_lies_that_are_ruled_out_are_refused(misreport: Bids, said: str) -> None:
    only_price = ThreatModel(frozenset({"valuation"}), stay_away=False)
    with pytest.raises(ValueError, match=f"owner 0 reports a {said}"):
        only_price.require(bids(), misreport)


def test_a_changed_valuation_is_refused_where_it_is_known() -> None:
    only_size = ThreatModel(frozenset({"data_size"}))
    only_size.require(bids(), bids(records=3))
    with pytest.raises(ValueError, match="valuation was changed"):
        only_size.require(bids(), bids(factor=2.0))


def test_a_lie_is_cut_down_to_what_is_admitted() -> None:
    misreport = bids(factor=3.0, cap=0.5, records=0)
    price = ThreatModel(frozenset({"valuation"}), stay_away=False).admitted(bids(), misreport)
    assert (price.privacy_budget.item(), price.data_size.item()) == (1.0, 10)
    size = ThreatModel(frozenset({"data_size"}), stay_away=False).admitted(bids(), misreport)
    assert size.data_size.item() == 1
    assert size.valuation.at(size.privacy_budget).item() == 2.0


def test_with_nothing_to_do_there_is_nothing_to_audit() -> None:
    with pytest.raises(ValueError, match="nothing to audit"):
        ThreatModel(frozenset(), stay_away=False)
    with pytest.raises(ValueError, match="pass fields out of"):
        ThreatModel(frozenset({"price"}))
    with pytest.raises(ValueError, match="deviators = 'nobody' is not known"):
        ThreatModel(deviators="nobody")
