from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.incentives.coalitions import Coalitions, attack_together, together
from analysis.incentives.threat_model import PAIR, SPLIT, ThreatModel

SPLITTING, COLLUSION = ThreatModel(liars=SPLIT), ThreatModel(liars=PAIR)


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
    game = Coalitions(PayAsBid(), linear(2, 3), money(8), COLLUSION)
    lies = linear(4, 4).truthful_bids()
    gain, _ = game.gains(lies, lies)
    assert gain.tolist() == [[3, 3]]


def test_an_owner_who_splits_and_stays_honest_gains_nothing_from_a_first_price(generator: torch.Generator) -> None:
    game = Coalitions(PayAsBid(), linear(2, 3, records=10), money(8), SPLITTING)
    gain, _ = game.gains(*game.honest_bids(generator))
    torch.testing.assert_close(gain, torch.zeros_like(gain), atol=1e-12, rtol=0)


def test_a_split_never_offers_a_record_twice(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(5, 4, generator)
    game = Coalitions(PayAsBid(), types, budget, SPLITTING)
    for _ in range(10):
        first, second = game.honest_bids(generator)
        assert torch.equal(first.data_size + second.data_size, types.data_size)
        first, second = game.admitted(first.replace(data_size=types.data_size), second)
        assert int((first.data_size + second.data_size - types.data_size).max()) <= 0


def test_who_has_one_record_cannot_split_and_who_is_alone_cannot_collude() -> None:
    assert not Coalitions(PayAsBid(), linear(2), money(8), SPLITTING).possible.any()
    assert not Coalitions(PayAsBid(), linear(2), money(8), COLLUSION).possible.any()
    pair = linear(2, 3)
    gone = replace(pair, data_size=torch.tensor([[1, 0]]))
    assert not Coalitions(PayAsBid(), gone, money(8), COLLUSION).possible.any()


def test_what_a_pair_has_is_the_sum() -> None:
    types = linear(2, 3, 4)
    cost = types.cost_at_own_budget()
    assert together(types, cost, COLLUSION).tolist() == [[5, 7, 6]]
    assert together(types, cost, SPLITTING).tolist() == [[2, 3, 4]]


@pytest.mark.parametrize("threat", [SPLITTING, COLLUSION])
def test_the_search_finds_what_the_honest_limits_say(threat: ThreatModel, generator: torch.Generator) -> None:
    # A sequential menu caps what an owner is paid: splitting pays in it, and so does colluding.
    types, budget = OwnerPrior().sample(8, 4, generator)
    found = attack_together(load_auction("sequential-menu"), types, budget, threat, 16, generator)
    assert float(found["gain"].max()) > 0
    assert int(found["queries"].max()) == 16
    curve = found["curves"]["pairs of lies"]["own"]
    assert curve == sorted(curve)
    assert float(found["overspent"].max()) == 0
