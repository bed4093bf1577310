from __future__ import annotations

import torch

from agents.broker.auctions.posted_price import PostedPrice


def test_three_owners_by_hand(market) -> None:
    # Weights 4, 2, 2 and budget 12: 1.5 per unit. Unit costs 1 and 1.5 accept, 2 declines; 3 of 12 stay unspent.
    owners = market(size=[4, 2, 2], cost=[4, 3, 4])
    outcome = PostedPrice().run(owners.truthful_bids(), [12.0])
    assert outcome.payment[0].tolist() == [6, 3, 0]
    assert outcome.privacy_loss[0].tolist() == [1, 1, 0]
    assert owners.utility(outcome)[0].tolist() == [2, 0, 0]


def test_a_weight_is_size_times_privacy_budget(market) -> None:
    owners = market(size=[4, 2, 2], cap=[0.5, 1.0, 2.0], cost=[1, 1, 1])
    assert PostedPrice().run(owners.truthful_bids(), [8.0]).payment[0].tolist() == [2, 2, 4]


def test_when_all_accept_the_budget_is_spent_to_the_last_bit_and_no_further(generator, market) -> None:
    for _ in range(50):
        size = torch.randint(1, 1000, (7,), generator=generator).tolist()
        budget = torch.rand(1, generator=generator, dtype=torch.float64)
        paid = PostedPrice().run(market(size=size, cost=[0.0] * 7).truthful_bids(), budget).payment.sum()
        assert budget * (1 - 2**-45) < paid <= budget


def test_a_single_bidder_is_offered_everything(market) -> None:
    assert PostedPrice().run(market(size=[4], cost=[5]).truthful_bids(), [5.0]).payment[0].tolist() == [5]
    assert not PostedPrice().run(market(size=[4], cost=[5]).truthful_bids(), [4.9]).sells.any()


def test_who_names_no_finite_price_is_not_counted(market) -> None:
    owners = market(size=[4, 2, 2], cost=[4, 3, 4])
    truth = owners.truthful_bids()
    absent = truth.replace(data_size=torch.tensor([[4, 0, 2]]))
    assert PostedPrice().run(absent, [12.0]).payment[0].tolist() == [8, 0, 4]


def test_offering_fewer_records_pays(market) -> None:
    # Unit cost 1.7, offered 12/8 = 1.5 for all four records: declined. For two of them she is offered 12/6 = 2.
    owners = market(size=[4, 2, 2], cost=[6.8, 3, 4])
    assert PostedPrice().run(owners.truthful_bids(), [12.0]).payment[0, 0] == 0
    lied = PostedPrice().run(owners.truthful_bids().replace(data_size=torch.tensor([[2, 2, 2]])), [12.0])
    assert lied.payment[0, 0] == 4
    assert owners.utility(lied)[0, 0] > 0.59
