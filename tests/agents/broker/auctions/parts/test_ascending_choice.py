"""The favourite among many lists is the one that exact arithmetic finds, ties included."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.base import favourite
from agents.broker.auctions.parts.ascending_choice import Offers, Sellers, favourite_offer, favourites_in_block

ROWS, LISTS, ENTRIES = 400, 3, 4


def _exact(offers: Offers, cost: torch.Tensor, for_sale: torch.Tensor, quantum: torch.Tensor) -> torch.Tensor:
    """Entry ``[R]`` that ``base.favourite`` picks from the same lists written one after another."""
    price = torch.nn.functional.pad(offers.price.transpose(0, 1).flatten(1), (1, 0)) * quantum[:, None]
    records = torch.nn.functional.pad(offers.records.transpose(0, 1).flatten(1), (1, 0)).long()
    level = torch.nn.functional.pad(torch.where(for_sale, 1.0, 9.0).double().repeat(1, LISTS), (1, 0))
    cap, size = torch.full((ROWS,), 2.0, dtype=torch.float64), torch.full((ROWS,), 10**12)
    return favourite(level, price, records, torch.nn.functional.pad(cost.repeat(1, LISTS), (1, 0)), cap, size)[0]


@pytest.mark.parametrize("kind", ["random", "small whole numbers", "prices at cost", "free"])
@pytest.mark.parametrize("quantum", [2.0**-30, 1.0, 2.0**20])
def test_the_choice_is_exact(kind, quantum, generator):
    shape = (LISTS, ROWS, ENTRIES)
    if kind == "random":
        price = torch.randint(1, 2**30, shape, generator=generator).double()
        records = torch.randint(0, 2**20, shape, generator=generator).double()
        cost = 2**29 * quantum * torch.rand(ROWS, ENTRIES, generator=generator, dtype=torch.float64)
    else:
        price = torch.randint(1, 4, shape, generator=generator).double()
        records = torch.randint(0, 4, shape, generator=generator).double()
        cost = quantum * torch.randint(0, 4, (ROWS, ENTRIES), generator=generator).double()
    if kind == "prices at cost":
        # A hair from indifference: only exact products tell which side.
        price = price * 2.0**40
        cost = torch.nextafter(price[0] * quantum, torch.full((), torch.inf, dtype=torch.float64))
    if kind == "free":
        cost = torch.zeros_like(cost)
    for_sale = torch.rand(ROWS, ENTRIES, generator=generator) < 0.8
    units = torch.full((ROWS,), quantum, dtype=torch.float64)
    offers = Offers.of(price, records)
    most_paid = (price * records).amax(dim=(0, 2))

    sale = favourite_offer(offers, LISTS, Sellers.of(cost, for_sale, units), most_paid)

    assert torch.equal(sale.entry, _exact(offers, cost, for_sale, units))
    assert bool((sale.entry > 0).any())


@pytest.mark.parametrize("highest", [4, 2**20])
@pytest.mark.parametrize("at_once", [1, 100, 10**9])
def test_who_shares_a_turn_chooses_as_she_would_alone(highest, at_once, generator, monkeypatch):
    """With small whole numbers most choices are ties; of the last list each may sell as much as she has."""
    members, rows = 5, 30
    monkeypatch.setattr("agents.broker.auctions.parts.ascending_choice._ENTRIES", at_once)
    price, records = torch.randint(1, highest, (2, LISTS, rows, ENTRIES), generator=generator).double()
    size = torch.randint(0, highest, (members, rows), generator=generator).double()
    cost = torch.randint(0, highest, (members, rows, ENTRIES), generator=generator).double()
    for_sale = torch.rand(cost.shape, generator=generator) < 0.8
    sellers = Sellers.of(cost, for_sale, torch.ones(rows, dtype=torch.float64))
    most_paid = (price * records).amax(dim=(0, 2))
    limited = records.clone()
    limited[-1] = torch.minimum(records[-1], size[-1, :, None])
    block = favourites_in_block(Offers.of(price, limited), records[-1], size, sellers, most_paid, torch.arange(rows))
    for member in range(members):
        hers = records.clone()
        hers[-1] = torch.minimum(records[-1], size[member, :, None])
        alone = favourite_offer(Offers.of(price, hers), LISTS, sellers.at(member), most_paid)
        assert torch.equal(block.entry[member], alone.entry)
        assert torch.equal(block.records[member], alone.records)
        assert torch.equal(block.payment[member], alone.payment)


def test_two_lists_by_hand():
    price = torch.tensor([[[3.0, 5.0]], [[4.0, 5.0]]], dtype=torch.float64)  # [list, row, entry]
    records = torch.tensor([[[4.0, 1.0]], [[2.0, 3.0]]], dtype=torch.float64)
    seller = Sellers.of(
        torch.tensor([[2.0, 4.0]], dtype=torch.float64),
        torch.tensor([[True, True]]),
        torch.ones(1, dtype=torch.float64),
    )
    # 4 x (3 - 2) = 4, 1 x (5 - 4) = 1, 2 x (4 - 2) = 4, 3 x (5 - 4) = 3: a tie, and the first is hers.
    sale = favourite_offer(Offers.of(price, records), 2, seller, torch.tensor([15.0], dtype=torch.float64))
    assert (sale.entry.item(), sale.records.item(), sale.payment.item()) == (1, 4.0, 12.0)
    # With at most 3 records on the first list she takes the second: entry 3, counted through both.
    records[0].clamp_(max=3.0)
    fewer = Offers.of(price, records)
    sale = favourite_offer(fewer, 2, seller, torch.tensor([15.0], dtype=torch.float64))
    assert (sale.entry.item(), sale.records.item(), sale.payment.item()) == (3, 2.0, 8.0)
    levels = torch.tensor([0.5, 1.0], dtype=torch.float64)
    assert sale.privacy_loss(levels).tolist() == [0.5]


def test_nothing_is_sold_where_no_offer_pays():
    price, records = torch.ones(1, 2, 1, dtype=torch.float64), torch.tensor([[[0.0], [5.0]]], dtype=torch.float64)
    dear = Sellers.of(
        torch.tensor([[0.5], [1.0]], dtype=torch.float64),
        torch.ones(2, 1, dtype=torch.bool),
        torch.ones(2, dtype=torch.float64),
    )
    sale = favourite_offer(Offers.of(price, records), 1, dear, torch.full((2,), 5.0, dtype=torch.float64))
    assert sale.entry.tolist() == [0, 0]
    assert sale.payment.tolist() == [0.0, 0.0]
