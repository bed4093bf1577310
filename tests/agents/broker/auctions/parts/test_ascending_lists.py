"""What is read off the lists is what is chosen from them, in markets with turns of one and with blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.ascending_menu import AscendingMenu
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
