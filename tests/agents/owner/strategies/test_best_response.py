"""Best responses at rules where one can say what they are."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.misreports.scalar import MISREPORTS, Misreport
from agents.owner.strategies.base import PublicKnowledge
from agents.owner.strategies.best_response import BestResponse, first_largest
from agents.owner.strategies.prior_best_response import PriorBestResponse
from agents.owner.strategies.reasoning import utilities
from agents.prior import OwnerPrior

VALUATION = frozenset({"valuation"})


class Raffle:
    """Whoever asks for a sells all for that with probability 1 - a / 20."""

    def __call__(self, bids: Bids, budget: torch.Tensor) -> Outcome:
        raise AssertionError("a draw says nothing about what a lottery is worth")

    def lottery(self, bids: Bids, budget: torch.Tensor) -> Lottery:
        asked = bids.cost(bids.privacy_budget, bids.data_size)
        chance = (1 - asked / 20).clamp(min=0)
        nothing = torch.zeros_like(asked)
        return Lottery(
            privacy_loss=torch.stack([nothing, bids.privacy_budget], dim=-1),
            payment=torch.stack([nothing, asked], dim=-1),
            records=torch.stack([torch.zeros_like(bids.data_size), bids.data_size], dim=-1),
            probability=torch.stack([1 - chance, chance], dim=-1),
        )


def posted(bids: Bids, budget: torch.Tensor) -> Outcome:
    """Five for everything, whatever is asked, from whoever finds it enough."""
    sells = bids.cost(bids.privacy_budget, bids.data_size) <= 5
    return Outcome(
        privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
        payment=torch.where(sells, 5.0, 0.0).double(),
        data_size=torch.where(sells, bids.data_size, 0),
    )


@pytest.mark.parametrize("kind", [BestResponse, PriorBestResponse])
def test_who_is_paid_what_she_asks_asks_for_the_whole_budget(play: Any, kind: Any) -> None:
    # At a budget of 10 a cost of 4 can be asked for 2.5 times, one of 8 for 1.25 times.
    game = play(kind, costs=(4.0, 8.0), prior=OwnerPrior(records=100, owners=2), strategic=VALUATION)
    result = game.result(game.bid())
    assert (result.bids.valuation.factor / game.types.valuation.factor).tolist() == [[2.5, 1.25]]
    assert result.utility.tolist() == [6.0, 2.0]


def test_a_lottery_is_weighed_by_its_odds(play: Any) -> None:
    # (1 - a / 20) (a - 4) is highest at 12, three times the cost.
    game = play(BestResponse, costs=(4.0,), rule=Raffle(), strategic=VALUATION)
    assert (game.bid().valuation.factor / game.types.valuation.factor).tolist() == [[3.0]]


def test_finer_scales_are_tried_around_the_best(play: Any) -> None:
    # 10 / 7 is 1.43; of the lattice 1.25 fits, then 1.25 * 1.12 = 1.4 is the largest that still does.
    game = play(BestResponse, costs=(7.0,), strategic=VALUATION)
    assert game.result(game.bid()).utility.item() == pytest.approx(7 * 1.4 - 7)


def test_records_or_privacy_are_held_back_where_that_pays(play: Any) -> None:
    # Five for everything from whoever asks at most 5: offering half costs half.
    game = play(BestResponse, costs=(4.0,), rule=posted)
    bids = game.bid()
    assert game.result(bids).utility.item() == 4.0
    assert (bids.privacy_budget.item(), bids.data_size.item()) == (0.5, 1)


def test_what_is_verified_is_not_lied_about(play: Any) -> None:
    game = play(BestResponse, costs=(4.0,), rule=posted, strategic=frozenset({"privacy_budget"}))
    bids = game.bid()
    assert (bids.valuation.factor.item(), bids.privacy_budget.item(), bids.data_size.item()) == (1.0, 0.5, 2)


def test_a_gain_within_the_margin_is_left_alone(play: Any) -> None:
    game = play(BestResponse, costs=(4.0, 8.0), margin=0.5, strategic=VALUATION)
    assert game.result(game.bid()).utility.tolist() == [6.0, 0.0]


def test_where_no_lie_pays_the_truth_is_kept_exactly() -> None:
    prior = OwnerPrior(records=1000, owners=8)
    types = prior.population(torch.Generator().manual_seed(3))
    public = PublicKnowledge(rule=load_auction("sequential-menu", prior=prior).run, prior=prior)
    misreports = MISREPORTS[torch.arange(len(MISREPORTS))[:, None]]
    row = torch.arange(8)
    budget = float(types.cost_at_own_budget().sum()) / 2
    utility = utilities(public, types.truthful_bids(), row, types, misreports, budget, "test")[0]
    assert (utility[1:] < utility[0]).any()
    assert first_largest(utility)[1].tolist() == [0] * 8


def test_working_out_a_lie_is_a_rerun_with_it_alone() -> None:
    prior = OwnerPrior(records=1000, owners=6)
    types, budget = prior.sample(3, 6, torch.Generator().manual_seed(4))
    rule = load_auction("all-in").run
    some = torch.tensor([4, 1])
    hers = types.take(rows=torch.tensor([0]), owners=some)
    misreports = Misreport.of((1.0, 1.0, 1.0), (1.5, 0.5, 1.0), (0.5, 1.0, 0.3))
    bids = types.truthful_bids()
    found = utilities(
        PublicKnowledge(rule=rule), bids, some, hers, misreports[torch.arange(3)[:, None]], float(budget[0]), "test"
    )
    assert found.shape == (3, 3, 2)
    for market in range(3):
        for misreport in range(3):
            for owner in range(2):
                me = torch.arange(6) == some[owner]
                told = misreports[torch.tensor([misreport])].tell(hers.take(owners=torch.full((6,), owner)))
                one = told.where(me[None], bids.take(rows=torch.tensor([market])))
                outcome = rule(one, budget[:1])
                mine = Outcome(*(part[:, some[owner], None] for part in vars(outcome).values()))
                rerun = hers.take(owners=torch.tensor([owner])).utility(mine).item()
                assert found[market, misreport, owner].item() == pytest.approx(rerun, rel=1e-12)


@pytest.mark.parametrize(("kind", "what"), [(BestResponse, "auction"), (PriorBestResponse, "prior")])
def test_without_the_knowledge_it_needs_it_says_so(play: Any, kind: Any, what: str) -> None:
    game = play(kind, rule=None)
    with pytest.raises(ValueError, match=f"reasons about the {what}; pass PublicKnowledge"):
        game.bid()
