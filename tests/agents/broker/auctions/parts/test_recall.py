"""Answers that are recalled are those that would be worked out, bit by bit."""

from __future__ import annotations

import copy

import torch

from agents.broker.auctions.parts.recall import Recall
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior

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
