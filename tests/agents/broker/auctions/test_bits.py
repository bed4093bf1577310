"""A market gets the same bits alone and in any batch, on one thread and on eight, for any budget down to the least."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction, MenuAuction
from agents.broker.auctions.checkpoint import SHIPPED
from agents.broker.auctions.registry import list_auctions, load_auction
from agents.messages import Bids
from agents.prior import OwnerPrior
from agents.valuation import TabulatedValuation, tabulated

BATCHES = {1: 2000, 3: 520, 10: 60, 300: 2}
"""Markets in a batch by the number of their owners."""
LEARNED = [name for name in list_auctions() if (SHIPPED / f"{name}.safetensors").exists()]


@pytest.fixture(params=list_auctions())
def auction(request: pytest.FixtureRequest) -> Auction:
    return load_auction(request.param, prior=OwnerPrior())


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def markets(owners: int, *, tables: bool = False) -> tuple[Bids, Tensor]:
    """Fresh markets with budgets over eight decades."""
    generator = torch.Generator().manual_seed(owners)
    types, budget = OwnerPrior().sample(BATCHES.get(owners, 1), owners, generator)
    bids = types.truthful_bids()
    if tables:
        bids = bids.replace(valuation=tabulated(bids.valuation, [0.125, 0.5, 0.75, 1.0, 1.5, 2.0]))
    return bids, budget * 10 ** (8 * torch.rand(len(budget), generator=generator, dtype=torch.float64) - 4)


def answers(auction: Auction, bids: Bids, budget: Tensor) -> dict[str, Tensor]:
    """All numbers that an auction says."""
    said = dict(vars(auction.run(bids, budget)))
    if isinstance(auction, MenuAuction) and bids.shape[1] <= 10:
        said |= {f"list: {name}": part for name, part in vars(auction.price_list(bids, budget)).items()}
    lottery = getattr(auction, "lottery", None)
    return said if lottery is None else said | {f"odds: {n}": part for n, part in vars(lottery(bids, budget)).items()}


def differ(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.mark.parametrize("tables", [False, True], ids=["families", "tables"])
@pytest.mark.parametrize("owners", BATCHES)
def test_alone_or_in_a_batch_of_any_size(auction: Auction, owners: int, tables: bool) -> None:
    if auction.max_owners is not None and owners > auction.max_owners:
        return
    bids, budget = markets(owners, tables=tables)
    together = answers(auction, bids, budget)
    for size in (1, 2, 7, 33, 513):
        for start in (0, (len(budget) - size) // 2, len(budget) - size)[: 3 if size < len(budget) else 0]:
            rows = slice(start, start + size)
            few = answers(auction, bids.take(rows=rows), budget[rows])
            assert differ(few, {name: part[rows] for name, part in together.items()}) == [], (size, start)


@pytest.mark.parametrize(("owners", "count"), [(1, 700), (10, 60), (1000, 1)])
@pytest.mark.parametrize("name", LEARNED)
def test_any_number_of_threads(name: str, owners: int, count: int, set_threads: Callable[[int], None]) -> None:
    auction = load_auction(name)
    if auction.max_owners is not None and owners > auction.max_owners:
        return
    bids, budget = markets(owners)
    bids, budget = bids.take(rows=slice(0, count)), budget[:count]
    set_threads(1)
    one = answers(auction, bids, budget)
    # More threads than there are cores would only wait for one another; odd parts of arrays are what matters.
    for threads in (2, 3):
        set_threads(threads)
        assert differ(answers(load_auction(name), bids, budget), one) == [], threads


def test_a_seller_of_a_million_million_records_is_paid_for_the_same_ones_in_a_batch() -> None:
    """Where she has all the records there are, the last bit of a cap is a record."""
    auction = load_auction("sequential-menu")
    assert isinstance(auction, MenuAuction)

    def bids(batch: int) -> Bids:
        levels, nothing = torch.tensor([1.8, 2.0], dtype=torch.float64), torch.zeros(batch, 1, 2, dtype=torch.float64)
        return Bids(
            valuation=TabulatedValuation(levels=levels, cost=nothing),
            privacy_budget=torch.full((batch, 1), 2.0, dtype=torch.float64),
            data_size=torch.full((batch, 1), 10**12),
        )

    # Twelve budgets of every decade, so that some of the caps are close to a whole number of records.
    budget = 10 ** torch.linspace(3, 13, 121, dtype=torch.float64)
    together = auction.price_list(bids(121), budget).records
    alone = [auction.price_list(bids(1), budget[row : row + 1]).records for row in range(121)]
    assert torch.equal(torch.cat(alone), together)


TINY = (5e-324, 1e-322, 1e-320, 1e-315, 1e-310, 1e-307, 1.5e-306, 1e-305, 1e-300, 1e-200)


def test_budgets_that_hardly_are_any_buy_nothing(auction: Auction) -> None:
    types, _ = OwnerPrior().sample(len(TINY), 3, torch.Generator().manual_seed(0))
    budget = torch.tensor(TINY, dtype=torch.float64)
    outcome = auction.run(types.truthful_bids(), budget)
    assert not bool(outcome.sells.any())
    assert not bool(outcome.payment.any())
    if isinstance(auction, MenuAuction):
        menu = auction.price_list(types.truthful_bids(), budget)
        assert not bool(menu.choose(types.truthful_bids()).sells.any())


@pytest.mark.parametrize("exponent", [-1022, -400, -60, 60, 300, 1000])
def test_no_budget_is_too_small_or_too_large_for_an_answer(auction: Auction, exponent: int) -> None:
    types, _ = OwnerPrior().sample(20, 3, torch.Generator().manual_seed(1))
    budget = torch.full((20,), 2.0**exponent, dtype=torch.float64)
    outcome = auction.run(types.truthful_bids(), budget)
    assert bool((outcome.payment.sum(-1) <= budget).all()) or not auction.guarantees.budget_feasible
    assert float(types.utility(outcome).min()) >= 0 or not auction.guarantees.individually_rational
