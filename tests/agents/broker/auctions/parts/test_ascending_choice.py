"""The favourite among many lists is the one that exact arithmetic finds, ties included."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.base import favourite
from agents.broker.auctions.parts.ascending_choice import Offers, Sellers, favourite_offer

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
