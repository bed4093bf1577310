from __future__ import annotations

import torch

from agents.broker.auctions.fixed_share import FixedShare


def test_three_owners_by_hand(market) -> None:
    # Sizes 4, 2, 2 and budget 8: offers 4, 2, 2. Costs 4 (just accepted), 2.5 (refused), 1 (accepted).
    owners = market(size=[4, 2, 2], cost=[4, 2.5, 1])
    outcome = FixedShare().run(owners.truthful_bids(), [8.0])
    assert outcome.payment[0].tolist() == [4, 0, 2]
    assert outcome.data_size[0].tolist() == [4, 0, 2]


def test_half_the_privacy_budget_earns_the_same_money(market) -> None:
    owners = market(size=[4, 2, 2], cost=[4, 2.5, 1])
    truth = owners.truthful_bids()
    cautious = truth.replace(privacy_budget=truth.privacy_budget * torch.tensor([[1.0, 0.5, 0.5]]).double())
    outcome = FixedShare().run(cautious, [8.0])
    assert outcome.payment[0].tolist() == [4, 2, 2]
    assert owners.utility(outcome)[0].tolist() == [0, 0.75, 1.5]  # instead of 0, 0, 1


def test_it_falsely_claims_to_be_truthful_and_says_that_it_is_planted() -> None:
    assert FixedShare.planted
    assert FixedShare.guarantees.truthful_in == {"valuation", "privacy_budget", "data_size"}
