"""Payoffs of a game that can be worked by hand: one purse, two ways of asking."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.empirical_game import EmpiricalGame, pure_strategies


class PaysWhatIsAsked(Auction):
    """Buys everything from everybody at her price, up to a ceiling of twice the first owner's true cost of 2."""

    name: ClassVar[str] = "pays-what-is-asked"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=frozenset(), budget_feasible=False)

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        asked = bids.cost(bids.privacy_budget, bids.data_size)
        sells = asked <= 4.0
        return Outcome(
            privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
            payment=torch.where(sells, asked, 0.0),
            data_size=torch.where(sells, bids.data_size, 0),
        )


class Alike:
    """A prior of owners who are all the same: one record, privacy budget 1, which costs 2 money (linear, factor 1)."""

    def sample(self, batch: int, owners: int, generator: torch.Generator) -> tuple[OwnerTypes, torch.Tensor]:
        shape = (batch, owners)
        valuation = ParametricValuation(family=torch.zeros(shape, dtype=torch.int64), factor=torch.ones(shape).double())
        types = OwnerTypes(
            valuation=valuation, privacy_budget=torch.ones(shape).double(), data_size=torch.ones(shape).long()
        )
        return types, torch.full((batch,), 100.0, dtype=torch.float64)


def game(auction: Auction, prior=None, **fields) -> EmpiricalGame:
    given = {"owners": 3, "profiles": 6, "generator": torch.Generator().manual_seed(0), **fields}
    return EmpiricalGame.of(auction, prior or Alike(), **given)


def test_who_is_paid_what_she_asks_earns_what_she_overstates():
    played = game(PaysWhatIsAsked())
    payoffs = played.payoffs(torch.eye(len(played.names), dtype=torch.float64))
    expected = {
        "truthful": 0.0,
        "valuation x 0.8": -0.2,
        "valuation x 1.25": 0.25,
        "valuation x 1.5": 0.5,
        "valuation x 2": 1.0,
        # Three times 2 is over the ceiling: nothing is sold.
        "valuation x 3": 0.0,
        "half the privacy budget": 0.0,
        "half the records": 0.0,
    }
    assert list(expected) == list(played.names)
    for against in payoffs:
        assert against == pytest.approx(torch.tensor(list(expected.values())).double().expand(6, -1))


def test_what_is_verified_cannot_be_lied_about():
    names = list(pure_strategies(frozenset({"valuation"})))
    assert names[0] == "truthful"
    assert all(name.startswith("valuation") for name in names[1:])
    assert list(pure_strategies(frozenset({"data_size"}))) == ["truthful", "half the records"]
    halves = {"truthful": OwnerTypes.truthful_bids, "half": pure_strategies()["half the records"]}
    verified = load_auction("sequential-menu-verified")
    payoffs = game(verified, OwnerPrior(), strategies=halves).payoffs(torch.eye(2, dtype=torch.float64))
    assert torch.equal(payoffs[..., 0], payoffs[..., 1])


def test_a_price_list_says_what_running_the_auction_again_says():
    """One profile three times over: reruns ask one of its three owners each, the list all of them at once."""
    listed = game(load_auction("sequential-menu"), OwnerPrior())
    assert listed.lists
    same = torch.zeros(3, dtype=torch.int64)
    thrice = [listed.types.take(rows=same), listed.budget[same], listed.strategies, listed.draw[same]]
    mixture = torch.full((1, 8), 1 / 8, dtype=torch.float64)
    (by_list, by_rerun) = (
        EmpiricalGame(listed.auction, *thrice, lists=lists).payoffs(mixture)[0] for lists in (True, False)
    )
    assert torch.equal(by_list[0], by_list[2])
    assert by_rerun.mean(0) == pytest.approx(by_list[0], abs=1e-12)


def test_a_list_that_moves_with_the_own_bid_is_not_trusted():
    assert not game(load_auction("leaky-menu"), OwnerPrior()).lists


def test_owners_draw_from_the_mixture():
    played = game(PaysWhatIsAsked(), profiles=2000)
    mixture = torch.tensor([[0.2, 0.0, 0.5, 0.3, 0.0, 0.0, 0.0, 0.0]]).double()
    found = played.chosen(mixture)[0].flatten().bincount(minlength=8) / 6000
    assert found == pytest.approx(mixture[0], abs=0.02)
    assert found[1] == found[4:].sum() == 0
    assert torch.equal(played.chosen(torch.eye(8).double()[2:3]), torch.full((1, 2000, 3), 2))


def test_a_game_needs_a_choice():
    with pytest.raises(ValueError, match=r"strategies = \['truthful'\]: pass at least two"):
        game(PaysWhatIsAsked(), strategies={"truthful": OwnerTypes.truthful_bids})
