from __future__ import annotations

import torch

from agents.broker.auctions.leaky_menu import LeakyMenu
from agents.misreports.search import gains


def test_three_owners_by_hand(market) -> None:
    # 8 records in all and budget 8: a record costs 0.25, 0.5, 1, 2 at these privacy losses; everybody values her loss
    # at half of that. First: at most 8/3, so 1 record at 2, 2 at 1 or 4 at 0.5 are each worth 1 to her: the least
    # privacy wins. Second: at most 6/2, so 1 at 2 or 2 at 1. Third: 4 is left, her cap is 1.
    owners = market(size=[4, 2, 2], cap=[2.0, 2.0, 1.0], cost=[4.0, 2.0, 1.0])
    outcome = LeakyMenu().run(owners.truthful_bids(), [8.0])
    assert outcome.privacy_loss[0].tolist() == [0.5, 1, 1]
    assert outcome.data_size[0].tolist() == [4, 2, 2]
    assert outcome.payment[0].tolist() == [2, 2, 2]
    assert owners.utility(outcome)[0].tolist() == [1, 1, 1]


def test_fewer_records_raise_the_own_price(market) -> None:
    owners = market(size=[4, 2, 2], cap=[2.0, 2.0, 1.0], cost=[4.0, 2.0, 1.0])
    truth = owners.truthful_bids()
    misreports = truth.replace(data_size=torch.tensor([[2, 2, 2]]))
    # Two records less: 4/3 of the price per record, 2.667 still buys 2 records at 1, now for 2.667 instead of 2.
    budget = torch.tensor([8.0], dtype=torch.float64)
    assert float(LeakyMenu().price_list(misreports, budget).price[0, 0, 3]) > 1.3
    assert float(gains(LeakyMenu(), owners, budget, misreports, rerun=True)[0, 0]) > 0.6


def test_the_leak_cannot_be_seen_while_the_list_is_held_fixed(market) -> None:
    owners = market(size=[4, 2, 2], cap=[2.0, 2.0, 1.0], cost=[4.0, 2.0, 1.0])
    misreports = owners.truthful_bids().replace(data_size=torch.tensor([[2, 2, 2]]))
    budget = torch.tensor([8.0], dtype=torch.float64)
    assert float(gains(LeakyMenu(), owners, budget, misreports).max()) <= 0


def test_it_falsely_claims_to_be_truthful_and_says_that_it_is_planted() -> None:
    assert LeakyMenu.planted
    assert LeakyMenu.guarantees.truthful_in == {"valuation", "privacy_budget", "data_size"}
