"""Answers that are recalled are those that would be worked out, bit by bit."""

from __future__ import annotations

import copy

import torch

from agents.broker.auctions.parts.recall import Recall
from agents.broker.auctions.registry import list_auctions, load_auction
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from market_sim import run_market

PRIOR = OwnerPrior(records=1000, owners=8)


def same(one: Outcome, other: Outcome) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_only_rows_that_were_never_asked_for_are_worked_out(monkeypatch):
    auction, plain = load_auction("sequential-menu", PRIOR), load_auction("sequential-menu", PRIOR)
    types, budget = PRIOR.sample(6, 8, torch.Generator().manual_seed(0))
    bids = types.truthful_bids()
    auction.recall = Recall()
    asked = []
    allocate = auction.allocate

    def counted(some: Bids, *rest: object) -> Outcome:
        asked.append(some.shape[0])
        return allocate(some, *rest)

    monkeypatch.setattr(auction, "allocate", counted)
    for rows in ([0, 1, 2], [2, 1, 3, 3], [0, 3], [5, 5]):
        rows = torch.tensor(rows)
        assert same(auction.run(bids.take(rows=rows), budget[rows]), plain.run(bids.take(rows=rows), budget[rows]))
    assert asked == [3, 1, 1]
    # Another budget is another question.
    assert same(auction.run(bids, 2 * budget), plain.run(bids, 2 * budget))
    assert asked == [3, 1, 1, 6]


def test_copies_of_an_auction_share_its_answers():
    auction = load_auction("sequential-menu", PRIOR)
    auction.recall = Recall()
    assert copy.deepcopy(auction).recall is auction.recall


def test_a_class_of_one_s_own_has_to_say_itself_that_it_may_be_asked_ahead():
    class OwnMenu(SequentialMenu):
        name = "own-menu"

    assert SequentialMenu.asked_ahead
    assert not OwnMenu.asked_ahead


def test_whatever_is_asked_ahead_draws_nothing_and_a_market_is_the_same_without_it(monkeypatch):
    names = [name for name in list_auctions() if load_auction(name, PRIOR).asked_ahead]
    assert {"sequential-menu", "ascending-menu"} <= set(names)
    strategies = {"truthful": 0.5, "scaled-valuation": 0.2, "understated-data-size": 0.3}
    for name in names:
        drawn = torch.Generator().manual_seed(0)
        before = drawn.get_state()
        types, budget = PRIOR.sample(2, 8, torch.Generator().manual_seed(1))
        load_auction(name, PRIOR).run(types.truthful_bids(), budget, drawn)
        assert torch.equal(drawn.get_state(), before), f"{name} draws"
        fields = {"auction": name, "task": "synthetic", "owners": 20, "bidders": 8, "rounds": 3}
        tables = [run_market(seed=3, strategies=strategies, **fields)]
        with monkeypatch.context() as without:
            without.setattr(type(load_auction(name, PRIOR)), "asked_ahead", False)
            tables.append(run_market(seed=3, strategies=strategies, **fields))
        assert tables[0].trades.equals(tables[1].trades)
        assert tables[0].rounds.equals(tables[1].rounds)
