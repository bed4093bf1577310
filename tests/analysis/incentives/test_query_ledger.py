from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids
from agents.misreports.generators import draw_misreports
from agents.misreports.search import gains
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.incentives.case import Case
from analysis.incentives.query_ledger import Attack, OutOfQueriesError
from analysis.incentives.threat_model import ThreatModel


def linear(*cost: float) -> OwnerTypes:
    """One market of owners with one record each who value privacy linearly up to a privacy loss of 1."""
    factor = torch.tensor([cost], dtype=torch.float64) / 2
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros_like(factor).long(), factor=factor),
        privacy_budget=torch.ones_like(factor),
        data_size=torch.ones_like(factor).long(),
    )


def money(amount: float) -> torch.Tensor:
    return torch.tensor([amount], dtype=torch.float64)


def begun(queries: int, types: OwnerTypes | None = None) -> Attack:
    attack = Attack(Case(PayAsBid(), types or linear(2, 3), money(8), ThreatModel(), rerun=True))
    attack.begin("somebody", queries)
    return attack


def test_gains_lies_and_queries_are_booked_per_owner() -> None:
    attack = begun(3)
    assert attack.query(linear(4, 5).truthful_bids())[0].tolist() == [2, 2]
    assert attack.query(linear(5, 9).truthful_bids())[0].tolist() == [3, 0]
    assert attack.query(linear(1, 4).truthful_bids())[0].tolist() == [-1, 1]
    assert attack.gain[0].tolist() == [3, 2]
    assert attack.queries[0].tolist() == [3, 3]
    assert attack.misreports.valuation.at(attack.truth.privacy_budget)[0].tolist() == [5, 5]


def test_the_curve_is_what_was_found_so_far_over_own_cost() -> None:
    attack = begun(2)
    attack.query(linear(4, 5).truthful_bids())
    attack.query(linear(5, 9).truthful_bids())
    attack.begin("somebody else", 1)
    attack.query(linear(2, 4.5).truthful_bids())
    first, second = attack.curves["somebody"], attack.curves["somebody else"]
    assert first.own == first.together == [2 / 2 + 2 / 3, 3 / 2 + 2 / 3]
    assert second.own == [0.5]
    assert second.together == [3 / 2 + 2 / 3]
    assert attack.found_by[0].tolist() == [0, 0]


def test_nobody_gets_more_queries_than_her_share() -> None:
    attack = begun(1)
    attack.query(linear(4, 5).truthful_bids())
    with pytest.raises(OutOfQueriesError, match="somebody has used up"):
        attack.query(linear(4, 5).truthful_bids())


def test_lies_beyond_the_threat_model_are_refused_and_not_counted() -> None:
    attack = begun(1)
    with pytest.raises(ValueError, match="data_size over the true one"):
        attack.query(replace(linear(2, 3), data_size=torch.tensor([[2, 1]])).truthful_bids())
    assert attack.left == 1
    assert attack.queries.sum() == 0


def test_only_the_chosen_lie() -> None:
    attack = Attack(
        Case(PayAsBid(), linear(2, 3), money(8), ThreatModel(), rerun=True), chosen=torch.tensor([[False, True]])
    )
    attack.begin("somebody", 1)
    assert attack.query(linear(4, 5).truthful_bids())[0].tolist() == [0, 2]
    assert attack.queries[0].tolist() == [0, 1]
    assert attack.curves["somebody"].owners == 1


def test_an_infinite_gain_over_no_cost_is_counted_and_in_no_sum() -> None:
    attack = begun(1, linear(0, 3))
    attack.query(linear(1, 4).truthful_bids())
    curve = attack.curves["somebody"]
    assert curve.infinite == 1
    assert curve.own == [1 / 3]


@pytest.mark.parametrize("auction", ["pay-as-bid", "sequential-menu"])
def test_the_best_misreports_can_be_told_again(auction: str, generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(5, 4, generator)
    rule = load_auction(auction)
    attack = Attack(Case(rule, types, budget, ThreatModel(), rerun=auction == "pay-as-bid"))
    attack.begin("random", 20)
    for misreports in draw_misreports(attack.truth, 20, generator):
        attack.query(misreports)
    assert torch.equal(gains(rule, types, budget, attack.misreports, rerun=True), attack.gain)


def test_an_auction_that_pays_no_number_is_not_believed() -> None:
    class Nonsense(PayAsBid):
        name = "nonsense"

        def allocate(self, bids: Bids, budget: torch.Tensor, generator: object) -> object:  # type: ignore[override]
            outcome = super().allocate(bids, budget, None)
            object.__setattr__(outcome, "payment", outcome.payment * float("nan"))
            return outcome

    attack = Attack(Case(Nonsense(), linear(2, 3), money(8), ThreatModel(), rerun=True))
    attack.begin("somebody", 1)
    with pytest.raises(ValueError, match="is not a number"):
        attack.query(linear(4, 5).truthful_bids())
