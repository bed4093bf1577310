from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.misreports.generators import field_subsets
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.incentives import coalitions
from analysis.incentives.case import Case
from analysis.incentives.coalitions import Coalitions, attack_coalitions, coalition_total
from analysis.incentives.threat_model import PAIR, SPLIT, ThreatModel

SPLITTING, COLLUSION = ThreatModel(deviators=SPLIT), ThreatModel(deviators=PAIR)


def linear(*cost: float, records: int = 1) -> OwnerTypes:
    """One market of owners who value privacy linearly; ``cost`` is that of all they have at a privacy loss of 1."""
    factor = torch.tensor([cost], dtype=torch.float64) / (2 * records)
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros_like(factor).long(), factor=factor),
        privacy_budget=torch.ones_like(factor),
        data_size=torch.full_like(factor, records).long(),
    )


def money(amount: float) -> torch.Tensor:
    return torch.tensor([amount], dtype=torch.float64)


def test_the_gain_of_a_pair_by_hand() -> None:
    # Costs 2 and 3, budget 8: together they ask 4 each and are paid 8 for 5.
    game = Coalitions(Case(PayAsBid(), linear(2, 3), money(8), COLLUSION))
    misreports = linear(4, 4).truthful_bids()
    gain, paid, _ = game.gains(misreports, misreports)
    assert gain.tolist() == [[3, 3]]
    assert paid.tolist() == [[True, True]]


def test_an_owner_who_splits_and_stays_honest_gains_nothing_from_a_first_price(generator: torch.Generator) -> None:
    game = Coalitions(Case(PayAsBid(), linear(2, 3, records=10), money(8), SPLITTING))
    gain, paid, _ = game.gains(*game.truthful_bids(generator))
    torch.testing.assert_close(gain, torch.zeros_like(gain), atol=1e-12, rtol=0)
    assert not paid.any()


def test_a_split_never_offers_a_record_twice(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(5, 4, generator)
    game = Coalitions(Case(PayAsBid(), types, budget, SPLITTING))
    for _ in range(10):
        first, second = game.truthful_bids(generator)
        assert torch.equal(first.data_size + second.data_size, types.data_size)
        first, second = game.admitted(first.replace(data_size=types.data_size), second)
        assert int((first.data_size + second.data_size - types.data_size).max()) <= 0


def test_who_has_one_record_cannot_split_and_who_is_alone_cannot_collude() -> None:
    assert not Coalitions(Case(PayAsBid(), linear(2), money(8), SPLITTING)).possible.any()
    assert not Coalitions(Case(PayAsBid(), linear(2), money(8), COLLUSION)).possible.any()
    pair = linear(2, 3)
    gone = replace(pair, data_size=torch.tensor([[1, 0]]))
    assert not Coalitions(Case(PayAsBid(), gone, money(8), COLLUSION)).possible.any()


def test_what_a_pair_has_is_the_sum() -> None:
    types = linear(2, 3, 4)
    cost = types.cost_at_own_budget()
    assert coalition_total(types, cost, COLLUSION).tolist() == [[5, 7, 6]]
    assert coalition_total(types, cost, SPLITTING).tolist() == [[2, 3, 4]]


@pytest.mark.parametrize("threat", [SPLITTING, COLLUSION])
def test_the_search_finds_what_the_honest_limits_say(threat: ThreatModel, generator: torch.Generator) -> None:
    # A sequential menu caps what an owner is paid: splitting pays in it, and so does colluding.
    types, budget = OwnerPrior().sample(8, 4, generator)
    found = attack_coalitions(Case(load_auction("sequential-menu"), types, budget, threat), 16, generator)
    assert float(found.gain.max()) > 0
    assert int(found.queries.max()) == 16
    curve = found.curves["pairs of lies"].own
    assert curve == sorted(curve)
    assert float(found.overspent.max()) == 0


@pytest.mark.parametrize("threat", [SPLITTING, COLLUSION])
def test_every_field_is_lied_about_by_either_and_by_both(threat: ThreatModel, generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(6, 4, generator)
    game = Coalitions(Case(PayAsBid(), types, budget, threat))
    seen = set()
    for turn in range(28):
        fields = field_subsets(threat.fields)[turn % 7]
        misreports = game.random_misreports(turn, fields, generator)
        true = (game.truth, game.truth if game.partner is None else game.truth.take(owners=game.partner))
        own = [one.valuation.at(one.privacy_budget) for one in true]
        said = [misreport.valuation.at(one.privacy_budget) for misreport, one in zip(misreports, true, strict=True)]
        dearer = [bool((mine != hers).any()) for mine, hers in zip(said, own, strict=True)]
        lower = [
            bool((misreport.privacy_budget < one.privacy_budget).any())
            for misreport, one in zip(misreports, true, strict=True)
        ]
        seen.add((fields, *dearer, *lower))
    for field, place in (("valuation", 1), ("privacy_budget", 3)):
        told = {(entry[place], entry[place + 1]) for entry in seen if field in entry[0]}
        assert told >= {(True, False), (False, True), (True, True)}
        assert not any(entry[place] or entry[place + 1] for entry in seen if field not in entry[0])


def test_a_pair_is_found_to_ask_for_the_whole_budget_by_chance_alone(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a first price nobody gains by holding back: without lies about the valuation nothing would be found.
    monkeypatch.setattr(coalitions, "_random_queries", lambda queries: queries)
    found = attack_coalitions(Case(PayAsBid(), linear(2, 3), money(8), COLLUSION), 56, generator)
    assert float(found.gain.min()) > 0
    assert float(found.gain.max()) <= 3


def test_whose_records_are_known_still_has_two_names_after_a_step(generator: torch.Generator) -> None:
    threat = ThreatModel(frozenset({"valuation"}), deviators=SPLIT)
    game = Coalitions(Case(PayAsBid(), linear(2, 3, records=10), money(8), threat))
    honest = game.truthful_bids(generator)
    first, second = game.steps(honest, 0.1, generator)
    assert torch.equal(first.data_size, honest[0].data_size)
    assert torch.equal(second.data_size, honest[1].data_size)


class PerName(Auction):
    """Everybody sells all she has, and every name is paid 8."""

    name = "per-name"
    guarantees = Guarantees()

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        payment = torch.where(bids.present, 8.0, 0.0).double()
        return Outcome(privacy_loss=bids.privacy_budget, payment=payment, data_size=bids.data_size)


def test_what_is_infinite_is_counted_beside_the_curve_it_is_missing_from(generator: torch.Generator) -> None:
    types = linear(0, 3, records=4)
    found = attack_coalitions(Case(PerName(), types, money(8), SPLITTING), 12, generator)
    assert (found.gain >= 8).all()
    curve = found.curves["pairs of lies"]
    assert curve.infinite == 1
    assert curve.own[-1] == pytest.approx(float(found.gain[0, 1]) / 3)


def test_a_gain_that_is_no_number_is_refused(generator: torch.Generator) -> None:
    game = Coalitions(Case(PayAsBid(), linear(2, 3), money(8), COLLUSION))
    game.truthful = game.truthful * torch.nan
    with pytest.raises(ValueError, match="gain of owner 0 in profile 0 is not a number"):
        game.gains(*game.truthful_bids(generator))
