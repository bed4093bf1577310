"""What is read off the lists is what is chosen from them, in markets with turns of one and with blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions import ascending_menu
from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.data_sizes import SIZES
from agents.messages import Outcome
from agents.misreports.generators import draw_misreports
from agents.prior import OwnerPrior


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("owners", [1, 2, 3, 10, 33, 70])
def test_reading_the_lists_off_is_choosing_from_all_of_them(owners: int, sizes: str) -> None:
    generator = torch.Generator().manual_seed(owners)
    types, budget = replace(OwnerPrior(), sizes=sizes).sample(3, owners, generator)
    bids = types.truthful_bids()
    absent = torch.rand(bids.shape, generator=generator) < 0.15
    bids = bids.replace(data_size=torch.where(absent, 0, bids.data_size))
    auction = AscendingMenu()
    lists = auction.price_list(bids, budget)
    (others,) = draw_misreports(bids, 1, generator)
    for instead in (bids, others):
        read, chosen = auction.chosen_instead(bids, budget, instead), lists.choose(instead)
        for part in Outcome.__dataclass_fields__:
            assert torch.equal(getattr(read, part), getattr(chosen, part)), part
    assert torch.equal(auction.run(bids, budget).payment, auction.chosen_instead(bids, budget, bids).payment)


def test_markets_played_a_few_at_a_time_come_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    types, budget = OwnerPrior().sample(7, 12, torch.Generator().manual_seed(4))
    bids, auction = types.truthful_bids(), AscendingMenu()
    whole, lists = auction.run(bids, budget), auction.price_list(bids, budget)
    monkeypatch.setattr(ascending_menu, "_ENTRIES", 1)
    assert len(list(auction._in_batches(bids, budget))) == 7
    parts, some = auction.run(bids, budget), auction.price_list(bids, budget)
    assert all(torch.equal(getattr(whole, name), getattr(parts, name)) for name in Outcome.__dataclass_fields__)
    assert all(torch.equal(getattr(lists, name), getattr(some, name)) for name in ("privacy_loss", "price", "records"))


def test_lists_of_a_single_privacy_loss() -> None:
    one = torch.ones(1, dtype=torch.float64)
    network = AscendingNetwork(0.5 * one, one, torch.tensor([0.0, 1.0], dtype=torch.float64), width=2).eval()
    auction = AscendingMenu(OwnerPrior().units, network=network)
    types, budget = OwnerPrior().sample(3, 5, torch.Generator().manual_seed(4))
    bids = types.truthful_bids()
    assert torch.equal(auction.price_list(bids, budget).choose(bids).payment, auction.run(bids, budget).payment)
