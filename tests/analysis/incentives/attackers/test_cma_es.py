from __future__ import annotations

import numpy as np
import torch

from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.messages import Bids
from agents.misreports.generators import as_misreports
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.incentives.attackers.cma_es import CmaEs, moved_by
from analysis.incentives.case import Case
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel


def owner(cost: float) -> OwnerTypes:
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(1, 1).long(), factor=torch.full((1, 1), cost / 2).double()),
        privacy_budget=torch.ones(1, 1).double(),
        data_size=torch.full((1, 1), 1),
    )


def test_it_climbs_to_what_a_first_price_leaves_on_the_table() -> None:
    # One owner who costs 2 and a budget of 10: asking for all of it gains 8.
    price = ThreatModel(frozenset({"valuation"}))
    attack = Attack(Case(PayAsBid(), owner(2), torch.tensor([10.0]).double(), price, rerun=True))
    attack.begin("cma-es", 120)
    CmaEs().attack(attack, torch.Generator().manual_seed(0))
    assert 7 < attack.gain.item() <= 8


def test_no_global_stream_is_touched() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    attack = Attack(Case(PayAsBid(), owner(2), torch.tensor([10.0]).double(), ThreatModel(), rerun=True))
    attack.begin("cma-es", 13)
    CmaEs().attack(attack, torch.Generator().manual_seed(0))
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]


def test_moves_are_reflected_at_the_truth() -> None:
    truth: Bids = owner(2).truthful_bids().replace(data_size=torch.tensor([[100]]))
    up = moved_by(truth, as_misreports(truth), torch.tensor([[[0.0, 0.5, 0.5]]]).double(), ThreatModel())
    down = moved_by(truth, as_misreports(truth), torch.tensor([[[0.0, -0.5, -0.5]]]).double(), ThreatModel())
    assert up.privacy_budget.item() == down.privacy_budget.item() < 1
    assert up.data_size.item() == down.data_size.item() == 61
