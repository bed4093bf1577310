from __future__ import annotations

import torch

from agents.broker.auctions.base import Menu
from agents.broker.auctions.parts.lot_menu import LotMenu


def lists(kind: type[Menu]) -> Menu:
    """Nothing; 4 records at 3 each; 2 records at 5 each, all at a privacy loss of 1."""
    return kind(
        privacy_loss=torch.tensor([[[0.0, 1.0, 1.0]]], dtype=torch.float64),
        price=torch.tensor([[[0.0, 3.0, 5.0]]], dtype=torch.float64),
        records=torch.tensor([[[0, 4, 2]]]),
    )


def test_a_lot_is_sold_entirely_or_not_at_all(market) -> None:
    # A record costs 2. With 3 records the lot of 4 is out of reach; of an ordinary list she would sell all 3 of it.
    three = market(size=[3], cost=[6]).truthful_bids()
    assert lists(LotMenu).utility(three)[0, 0].tolist() == [0, -torch.inf, 6]
    assert lists(Menu).utility(three)[0, 0].tolist() == [0, 3, 6]
    outcome = lists(LotMenu).choose(three)
    assert (outcome.data_size.item(), outcome.payment.item()) == (2, 10)
    assert not lists(LotMenu).choose(market(size=[1], cost=[2]).truthful_bids()).sells.any()


def test_of_entries_liked_equally_the_first_is_hers(market) -> None:
    # 4 records gain 4 (3 - 1), 2 records 2 (5 - 1).
    outcome = lists(LotMenu).choose(market(size=[9], cost=[9]).truthful_bids())
    assert (outcome.data_size.item(), outcome.payment.item()) == (4, 12)
