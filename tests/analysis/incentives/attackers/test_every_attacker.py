"""What every attacker has to keep, whoever wrote it; found by itself."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.softened import Softened
from agents.broker.auctions.registry import load_auction
from agents.messages import BID_FIELDS, Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from analysis.incentives.attackers.registry import attacker_classes, list_attackers
from analysis.incentives.case import Case
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel

QUERIES = 12
SUBSETS = [frozenset(some) for size in range(4) for some in itertools.combinations(sorted(BID_FIELDS), size)]


class PartOfBudget(Auction):
    """Everybody sells half of her privacy budget for a smooth share of the budget that grows with what she asks."""

    name = "part-of-budget"
    guarantees = Guarantees()

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        soft = self.softened(bids.valuation.at, bids.privacy_budget, bids.data_size.double(), budget, hard=True)
        present = bids.present
        return Outcome(
            privacy_loss=torch.where(present, bids.privacy_budget / 2, 0.0),
            payment=torch.where(present, soft.payment, 0.0),
            data_size=bids.data_size,
        )

    def softened(
        self, value_at: object, privacy_budget: Tensor, data_size: Tensor, budget: Tensor, *, hard: bool
    ) -> Softened:
        loss = (privacy_budget / 2)[..., None]
        asked = value_at(loss)[..., 0] * data_size  # type: ignore[operator]
        share = asked / (asked.sum(-1, keepdim=True) + budget[:, None])
        return Softened(privacy_loss=loss, probability=torch.ones_like(loss), payment=share * budget[:, None])


@pytest.fixture
def market(generator: torch.Generator) -> tuple[OwnerTypes, Tensor]:
    return OwnerPrior().sample(4, 3, generator)


@pytest.mark.parametrize("fields", SUBSETS, ids=lambda some: "+".join(sorted(some)) or "nothing")
@pytest.mark.parametrize("name", list_attackers())
def test_it_spends_its_queries_on_lies_that_the_threat_model_admits(
    name: str, fields: frozenset[str], market: tuple[OwnerTypes, Tensor], generator: torch.Generator
) -> None:
    auction, threat = PartOfBudget(), ThreatModel(fields, stay_away=not fields)
    attacker = attacker_classes()[name]()
    if not attacker.applies(auction, threat):
        assert isinstance(attacker.requires, str)
        return
    attack = Attack(Case(auction, *market, threat, rerun=True))
    attack.begin(name, QUERIES if attacker.share else 1)
    attacker.attack(attack, generator)
    assert attack.left == 0 or name == "lattice"
    assert int(attack.queries.max()) > 0


@pytest.mark.parametrize("name", list_attackers())
def test_the_same_stream_finds_the_same(name: str, market: tuple[OwnerTypes, Tensor]) -> None:
    found = []
    for _ in range(2):
        attack = Attack(Case(PartOfBudget(), *market, ThreatModel(), rerun=True))
        attack.begin(name, QUERIES)
        attacker_classes()[name]().attack(attack, torch.Generator().manual_seed(3))
        found.append(attack.gain)
    assert torch.equal(*found)


@pytest.mark.parametrize("name", sorted(set(list_attackers()) - {"staying away"}))
def test_it_finds_something_where_lying_pays(name: str, market: tuple[OwnerTypes, Tensor]) -> None:
    attack = Attack(Case(PartOfBudget(), *market, ThreatModel(), rerun=True))
    attack.begin(name, QUERIES)
    attacker_classes()[name]().attack(attack, torch.Generator().manual_seed(3))
    assert bool((attack.gain > 0).any())


@pytest.mark.parametrize("name", list_attackers())
def test_it_finds_nothing_in_an_exactly_truthful_menu(name: str, market: tuple[OwnerTypes, Tensor]) -> None:
    menu, threat = load_auction("sequential-menu"), ThreatModel()
    attacker = attacker_classes()[name]()
    if not attacker.applies(menu, threat):
        return
    attack = Attack(Case(menu, *market, threat, rerun=False))
    attack.begin(name, QUERIES)
    attacker.attack(attack, torch.Generator().manual_seed(3))
    assert float(attack.gain.max()) <= 0
