from __future__ import annotations

from agents.broker.auctions.pay_as_bid import PayAsBid


def test_three_owners_by_hand(market) -> None:
    # Unit costs 1, 2, 1.5, asking 4, 4, 3; budget 10 covers the first and the third (7), not the second (11).
    owners = market(size=[4, 2, 2], cost=[4, 4, 3])
    outcome = PayAsBid().run(owners.truthful_bids(), [10.0])
    assert outcome.payment[0].tolist() == [4, 0, 3]
    assert outcome.data_size[0].tolist() == [4, 0, 2]
    assert owners.utility(outcome)[0].tolist() == [0, 0, 0]


def test_a_budget_of_exactly_what_they_ask_buys_all_three(market) -> None:
    owners = market(size=[4, 2, 2], cost=[4, 4, 3])
    assert PayAsBid().run(owners.truthful_bids(), [11.0]).payment[0].tolist() == [4, 4, 3]


def test_asking_for_more_pays(market) -> None:
    owners = market(size=[4, 2, 2], cost=[4, 4, 3])
    dearer = PayAsBid().run(market(size=[4, 2, 2], cost=[6, 4, 3]).truthful_bids(), [10.0])
    assert owners.utility(dearer)[0].tolist() == [2, 0, 0]


def test_it_falsely_claims_to_be_truthful_and_says_that_it_is_planted() -> None:
    assert PayAsBid.planted
    assert PayAsBid.guarantees.truthful_in == {"valuation", "privacy_budget", "data_size"}
