"""Who is asked when: everybody in turn, or very many in blocks, whose members know nothing of one another."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.parts.turn_blocks import MAX_TURNS, in_blocks, in_order_of_bids
from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior


def test_a_few_owners_have_a_turn_each():
    order = torch.tensor([[2, 0, 1]])
    blocks = in_blocks(order, torch.tensor([[True, True, False]]))
    assert [block.owner.tolist() for block in blocks] == [[[2]], [[0]], [[1]]]
    assert all(block.members is None for block in blocks)
    assert in_order_of_bids([torch.tensor([[10]]), torch.tensor([[20]]), torch.tensor([[30]])], blocks, 3).tolist() == [
        [20, 30, 10]
    ]


def test_seven_hundred_present_owners_come_in_blocks_of_three_and_each_of_them_once():
    present = torch.ones(1, 900, dtype=torch.bool)
    present[0, ::9] = False
    present[0, 1:200:2] = False
    count = int(present.sum())
    blocks = in_blocks(torch.arange(900)[None], present)
    assert len(blocks) == MAX_TURNS
    assert blocks[0].members.tolist() == [-(-count // MAX_TURNS)] == [3]
    asked = torch.cat([block.owner[block.owner < 900] for block in blocks])
    assert asked.tolist() == present[0].nonzero()[:, 0].tolist()


def test_markets_of_a_batch_have_blocks_of_their_own():
    present = torch.ones(2, 600, dtype=torch.bool)
    present[1, 5:] = False
    blocks = in_blocks(torch.arange(600).expand(2, -1), present)
    assert blocks[0].members.tolist() == [3, 1]
    assert blocks[0].owner.tolist() == [[0, 1, 2], [0, 600, 600]]
    assert sum(int((block.owner[1] < 600).sum()) for block in blocks) == 5


@pytest.mark.parametrize("name", ["sequential-menu", "sequential-menu-verified"])
def test_a_large_market_in_blocks_keeps_every_promise(name):
    auction, prior = load_auction(name), OwnerPrior(records=1_000_000, owners=700)
    types, budget = prior.sample(2, 700, torch.Generator().manual_seed(0))
    size = types.data_size.clone()
    size[1, 3:690] = 0
    bids = types.truthful_bids().replace(data_size=size)
    outcome, menu = auction.run(bids, budget), auction.price_list(bids, budget)
    assert bool((outcome.payment.sum(-1) <= budget).all())
    assert float(outcome.payment[0].sum()) > 0.3 * float(budget[0])
    for field in ("privacy_loss", "payment", "data_size"):
        assert torch.equal(getattr(menu.choose(bids), field), getattr(outcome, field))
    here = (size[1] > 0).nonzero()[:, 0]
    alone = auction.run(bids.take(rows=torch.tensor([1]), owners=here), budget[1:])
    assert torch.equal(alone.payment, outcome.payment[1:, here])


def test_members_of_a_block_never_move_one_anothers_lists():
    auction = load_auction("sequential-menu")
    types, budget = OwnerPrior(records=1_000_000, owners=700).sample(1, 700, torch.Generator().manual_seed(0))
    bids = types.truthful_bids()
    before = auction.price_list(bids, budget)
    for deviator in (0, 1, 2, 300):
        size = bids.data_size.clone()
        size[0, deviator] = 1
        after = auction.price_list(bids.replace(data_size=size, privacy_budget=bids.privacy_budget / 2), budget)
        first_of_block = deviator - deviator % 3
        assert torch.equal(before.price[:, :3], after.price[:, :3])
    size[0, 300] = 1
    after = auction.price_list(bids.replace(data_size=size), budget)
    assert torch.equal(before.records[:, : first_of_block + 3], after.records[:, : first_of_block + 3])
    assert not torch.equal(before.records[:, first_of_block + 3 :], after.records[:, first_of_block + 3 :])
