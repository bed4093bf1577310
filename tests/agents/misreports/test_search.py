from __future__ import annotations

from typing import Any

import pytest
import torch

from agents.broker.auctions.base import Guarantees, Menu, MenuAuction
from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.auctions.pay_as_bid import PayAsBid
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.misreports import search as searching
from agents.misreports.generators import draw_misreports
from agents.misreports.search import Counterfactuals, alone, gains, per_cost, search
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation

FIELDS = {"valuation", "privacy_budget", "data_size"}


def linear(cost: list[float], cap: float = 1.0) -> OwnerTypes:
    """One market of owners with one record each who value privacy linearly."""
    factor = torch.tensor([cost], dtype=torch.float64) / (2 * cap)
    shape = factor.shape
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(shape, dtype=torch.int64), factor=factor),
        privacy_budget=torch.full(shape, cap, dtype=torch.float64),
        data_size=torch.ones(shape, dtype=torch.int64),
    )


def money(*amount: float) -> torch.Tensor:
    return torch.tensor(amount, dtype=torch.float64)


def test_a_gain_is_what_one_liar_gets_while_the_others_stay_honest() -> None:
    # Costs 2 and 3, budget 8. Alone, the first may ask 4, the second 5; together they would ask 9 and one lose out.
    owners = linear([2, 3])
    misreports = linear([4, 5]).truthful_bids()
    assert gains(PayAsBid(), owners, money(8), misreports)[0].tolist() == [2, 2]


def test_a_lie_can_cost() -> None:
    owners = linear([2, 3])
    assert gains(PayAsBid(), owners, money(8), linear([1, 9]).truthful_bids())[0].tolist() == [-1, 0]


def test_an_auction_may_be_a_plain_function() -> None:
    owners = linear([2, 3])

    def same(bids: Bids, budget: torch.Tensor) -> Outcome:
        return PayAsBid().run(bids, budget)

    misreports = linear([4, 5]).truthful_bids()
    assert torch.equal(gains(same, owners, money(8), misreports), gains(PayAsBid(), owners, money(8), misreports))


def test_absent_owners_gain_nothing() -> None:
    owners = linear([2, 3])
    truth = owners.truthful_bids()
    gone = OwnerTypes(valuation=truth.valuation, privacy_budget=truth.privacy_budget, data_size=torch.tensor([[1, 0]]))
    assert gains(PayAsBid(), gone, money(8), linear([4, 5]).truthful_bids())[0].tolist() == [2, 0]


def test_with_everybody_absent_there_is_nobody_to_lie(generator: torch.Generator) -> None:
    owners = linear([2, 3])
    truth = owners.truthful_bids()
    nobody = OwnerTypes(
        valuation=truth.valuation, privacy_budget=truth.privacy_budget, data_size=torch.zeros(1, 2).long()
    )
    found = search(PayAsBid(), nobody, money(8), 5, generator)
    assert found.tried == 0
    assert found.gain[0].tolist() == [0, 0]


def test_a_rule_that_takes_more_than_an_owner_has_makes_truth_infinitely_bad() -> None:
    owners = linear([2])

    def greedy(bids: Bids, budget: torch.Tensor) -> Outcome:
        return Outcome(privacy_loss=bids.privacy_budget + 0.5, payment=money(1)[None], data_size=bids.data_size)

    cautious = owners.truthful_bids().replace(privacy_budget=money(0.5)[None])
    assert gains(greedy, owners, money(1), cautious).item() == torch.inf


class PostedPrice(MenuAuction):
    """Everybody may sell all she has at privacy loss 1 for an equal part of the budget."""

    name = "posted-price-of-a-test"
    guarantees = Guarantees(truthful_in=frozenset(FIELDS))

    def price_list(self, bids: Bids, budget: Any) -> Menu:
        price = (budget / 10**6).floor()[:, None, None].expand(*bids.shape, 1)
        nothing = torch.zeros_like(price)
        return Menu(
            privacy_loss=torch.cat([nothing, nothing + 1], dim=-1),
            price=torch.cat([nothing, price], dim=-1),
            records=torch.cat([nothing, nothing + 50], dim=-1).long(),
        )


def test_asking_a_price_list_once_and_running_again_agree_to_the_last_bit(generator: torch.Generator) -> None:
    types, _ = OwnerPrior().sample(20, 5, generator)
    budget = 10**7 * torch.rand(20, generator=generator, dtype=torch.float64)
    for misreports in draw_misreports(types.truthful_bids(), 30, generator):
        once, again = (gains(PostedPrice(), types, budget, misreports, rerun=rerun) for rerun in (False, True))
        assert torch.equal(once, again)
        assert float(once.max()) <= 0
        assert float(once.min()) < 0


def test_for_the_learned_menu_they_agree_too(generator: torch.Generator) -> None:
    menu = load_auction("sequential-menu")
    types, budget = OwnerPrior().sample(6, 5, generator)
    for misreports in draw_misreports(types.truthful_bids(), 15, generator):
        once, again = (gains(menu, types, budget, misreports, rerun=rerun) for rerun in (False, True))
        assert torch.equal(once, again)
        assert float(once.max()) <= 0


def test_markets_with_one_liar_differ_from_the_truth_in_her_bid_only(generator: torch.Generator) -> None:
    types, _ = OwnerPrior().sample(3, 4, generator)
    truth = types.truthful_bids()
    misreports = next(draw_misreports(truth, 1, generator, fields={"data_size"}))
    rows, deviators = torch.tensor([2, 0]), torch.tensor([1, 3])
    markets = alone(truth, misreports, rows, deviators)
    assert markets.data_size[0, 1] == misreports.data_size[2, 1]
    changed = markets.data_size != truth.data_size[rows]
    assert bool((changed.nonzero()[:, 1] == deviators[changed.nonzero()[:, 0]]).all())


def test_a_search_finds_what_a_first_price_leaves_on_the_table(generator: torch.Generator) -> None:
    # One owner who costs 2 and a budget of 10: at best she asks for all of it and gains 8.
    found = search(PayAsBid(), linear([2]), money(10), 200, generator, fields={"valuation"})
    assert 7.5 < found.gain.item() <= 8


def test_what_a_search_found_can_be_told_again(generator: torch.Generator) -> None:
    types, budget = OwnerPrior().sample(10, 4, generator)
    found = search(PayAsBid(), types, budget, 30, generator)
    assert found.tried == 30 * 40
    assert torch.equal(gains(PayAsBid(), types, budget, found.misreports), found.gain)


def test_climbing_improves_on_the_first_lies() -> None:
    types, budget = OwnerPrior().sample(10, 4, torch.Generator().manual_seed(0))
    first = Counterfactuals(PayAsBid(), types, budget)
    misreports = draw_misreports(types.truthful_bids(), 30, torch.Generator().manual_seed(1))
    best = torch.stack([first.gains(misreport) for misreport in misreports]).amax(dim=0)
    climbed = search(PayAsBid(), types, budget, 40, torch.Generator().manual_seed(1)).gain
    assert bool((climbed >= best).all())
    assert bool((climbed > best).any())


def test_reruns_in_small_pieces_give_the_same_bits(generator: torch.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    types, budget = OwnerPrior().sample(7, 5, generator)
    misreports = next(draw_misreports(types.truthful_bids(), 1, generator))
    whole = gains(PayAsBid(), types, budget, misreports)
    monkeypatch.setattr(searching, "CHUNK", 17)
    assert torch.equal(gains(PayAsBid(), types, budget, misreports), whole)


def test_gains_are_told_in_shares_of_the_cost_at_the_own_privacy_budget() -> None:
    owners = linear([2, 0, 4])
    assert per_cost(owners, money(1, 1, 0)[None])[0].tolist() == [0.5, torch.inf, 0]


def test_only_those_asked_are_rerun() -> None:
    owners, misreports = linear([2, 3]), linear([4, 5]).truthful_bids()
    told: list[int] = []

    def counted(bids: Bids, budget: torch.Tensor) -> Outcome:
        told.append(len(budget))
        return PayAsBid().run(bids, budget)

    counterfactuals = searching.Counterfactuals(counted, owners, money(8))
    assert counterfactuals.gains(misreports, torch.tensor([[False, True]]))[0].tolist() == [0, 2]
    assert told == [1, 1]


class Coin:
    """Sells all at privacy loss 1 for 10 with the probability that the first owner's records are of 4, or nothing."""

    def run(self, bids: Bids, budget: Any) -> Outcome:
        raise AssertionError("a lottery is never judged by a draw")

    def lottery(self, bids: Bids, budget: Any) -> Lottery:
        chance = bids.data_size.double() / 4
        nothing = torch.zeros_like(chance)
        return Lottery(
            privacy_loss=torch.stack([nothing, nothing + 1], dim=-1),
            payment=torch.stack([nothing, nothing + 10], dim=-1),
            records=torch.stack([nothing.long(), bids.data_size], dim=-1),
            probability=torch.stack([1 - chance, chance], dim=-1),
        )


def test_lotteries_are_compared_in_expectation() -> None:
    # Four records at 1 each: sold for sure, 10 - 4. One record: a quarter of 10 - 1.
    owner = linear([1])
    owner = OwnerTypes(valuation=owner.valuation, privacy_budget=owner.privacy_budget, data_size=torch.tensor([[4]]))
    fewer = owner.truthful_bids().replace(data_size=torch.tensor([[1]]))
    assert gains(Coin(), owner, money(10), fewer).item() == 9 / 4 - 6
