from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.dm_regretnet import DMRegretNet
from agents.broker.auctions.parts.allocation_network import AllocationNetwork
from agents.broker.auctions.parts.softened import Softened
from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.incentives.attackers.gradients import PaymentOnlyGradient, StraightThroughGradient, TruthStartGradient
from analysis.incentives.case import Case
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel


class PaysForModesty(Auction):
    """All records at the whole privacy budget, for a payment that is highest when half of it is admitted to."""

    name = "pays-for-modesty"
    guarantees = Guarantees()

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        soft = self.softened(bids.valuation.at, bids.privacy_budget, bids.data_size, budget, hard=True)
        return Outcome(privacy_loss=bids.privacy_budget, payment=soft.payment, data_size=bids.data_size)

    def softened(
        self, value_at: object, privacy_budget: Tensor, data_size: Tensor, budget: Tensor, *, hard: bool
    ) -> Softened:
        payment = budget[:, None] * (1 - (privacy_budget - 0.5).square())
        loss = privacy_budget[..., None]
        return Softened(privacy_loss=loss, probability=torch.ones_like(loss), payment=payment)


def owner() -> OwnerTypes:
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(1, 1).long(), factor=torch.ones(1, 1).double()),
        privacy_budget=torch.ones(1, 1).double(),
        data_size=torch.ones(1, 1).long(),
    )


def untrained() -> DMRegretNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DMRegretNet(OwnerPrior().units, network=AllocationNetwork(4, 3, 8))


def climbed(attacker: TruthStartGradient, steps: int, fields: frozenset[str]) -> Attack:
    attack = Attack(Case(PaysForModesty(), owner(), torch.tensor([8.0]).double(), ThreatModel(fields), rerun=True))
    attack.begin(attacker.name, steps)
    attacker.attack(attack, torch.Generator())
    return attack


def test_ascent_from_the_truth_finds_the_top() -> None:
    # 8 (1 - (e - 1/2)^2) - 2e is highest where 16 (1/2 - e) = 2: at 3/8, where it is 7.125; the truth leaves 4.
    attack = climbed(TruthStartGradient(), 40, frozenset({"privacy_budget"}))
    assert 3.1 < attack.gain.item() <= 3.125
    assert abs(attack.misreports.privacy_budget.item() - 0.375) < 0.05


def test_the_payment_alone_is_climbed_to_its_own_top() -> None:
    attack = climbed(PaymentOnlyGradient(), 60, frozenset({"privacy_budget"}))
    assert attack.gain.item() > 3.0
    last = climbed(PaymentOnlyGradient(), 61, frozenset({"privacy_budget"}))
    assert last.gain.item() >= attack.gain.item()


def test_fields_that_may_not_be_changed_stay_true() -> None:
    attack = climbed(TruthStartGradient(), 5, frozenset({"data_size"}))
    assert attack.misreports.privacy_budget.item() == 1.0
    assert attack.gain.item() == 0.0


def test_a_gradient_requires_an_auction_with_a_slope() -> None:
    assert not TruthStartGradient().applies(PayAsBid(), ThreatModel())
    assert "softened" in TruthStartGradient.requires


def test_the_softened_rule_of_a_network_is_the_deployed_one(generator: torch.Generator) -> None:
    prior, auction = OwnerPrior(), untrained()
    types, budget = prior.sample(6, 4, generator)
    soft = auction.softened(types.valuation.at, types.privacy_budget, types.data_size.double(), budget, hard=True)
    deployed = auction.run(types.truthful_bids(), budget)
    torch.testing.assert_close(soft.payment, deployed.payment, rtol=1e-9, atol=1e-9)
    loss = (soft.probability * soft.privacy_loss).sum(-1)
    torch.testing.assert_close(loss, deployed.privacy_loss, rtol=1e-12, atol=0)


def test_gradients_alone_gain_from_an_untrained_network(generator: torch.Generator) -> None:
    prior, auction = OwnerPrior(), untrained()
    attack = Attack(Case(auction, *prior.sample(6, 4, generator), ThreatModel(), rerun=True))
    attack.begin("gradient", 10)
    StraightThroughGradient().attack(attack, generator)
    assert bool((attack.gain > 0).any())
