from __future__ import annotations

import math

import pytest
import torch

from agents.broker.auctions.parts.nested_prices import BUDGET_EXPONENT, FixedPrices, LearnedPrices, PriceShape
from agents.broker.auctions.registry import load_auction
from agents.units import PublicUnits


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def prices(units: PublicUnits, **changed: torch.Tensor) -> LearnedPrices:
    """Lots of half a mean data size, one and two; privacy losses 1 and e; lists that pay s + log q + 2 log e."""
    parts = {
        "levels": tensor(1, math.e),
        "lots": tensor(0.5, 1, 2),
        "offsets": tensor(-1, 0, 1),
        "knots": tensor(-1, 1),
        "exponents": tensor(1, 1, 0, 0, 2, 2, 0, 0, 0, 0).view(5, 2),
        "per_log_bidders": tensor(0, 0, 0, 0, 0),
    }
    return LearnedPrices(PriceShape(**{**parts, **changed}), units)


UNITS = PublicUnits(records=100.0, money_per_record=2.0)


def test_an_bucket_is_made_of_budget_and_bidders_alone() -> None:
    assert prices(UNITS).bucket(tensor(10, 10, 1) * UNITS.money, torch.tensor([10, 1, 1])).tolist() == [
        [0, 0],
        [2, -2],
        [0, -2],
    ]


def test_lists_by_hand() -> None:
    # Richness -1, 0 and 1; with q records in mean data sizes a lot earns 200 exp(s) q e^2 in all, 2 exp(s) e^2 each.
    lists = prices(UNITS).lists((0, 0))
    expected = tensor(0, math.exp(-1), 1, math.e)[:, None, None] * tensor(2, 2 * math.e**2).expand(3, 2)
    torch.testing.assert_close(lists, expected)


def test_lists_follow_the_budget_and_the_number_of_bidders() -> None:
    menu = prices(UNITS, per_log_bidders=tensor(0, 0, 1, 0, 0))
    usual, rich, crowded = (menu.lists(bucket)[2] for bucket in ((0, 0), (1, 0), (0, 1)))
    torch.testing.assert_close(rich, usual * math.exp(BUDGET_EXPONENT))
    torch.testing.assert_close(crowded, usual * tensor(1, math.e))


def test_exponents_lean_with_richness_but_no_list_pays_less_than_a_poorer_one() -> None:
    # With richness -1 it is q^3, with 0 q^2, with 1 q: small lots earn ever more, twice the mean would earn less.
    steep = prices(UNITS, exponents=tensor(3, 1, 0, 0, 0, 0, 0, 0, 0, 0).view(5, 2)).lists((0, 0))[1:, :, 0]
    lots = tensor(0.5, 1, 2)
    free = torch.stack([math.exp(s) * lots**power for s, power in ((-1, 3), (0, 2), (1, 1))]) * 2 / lots
    torch.testing.assert_close(steep, free.cummax(dim=0).values)
    assert bool((prices(UNITS, exponents=tensor(9, 1, *[0] * 8).view(5, 2)).lists((0, 0)).diff(dim=0) >= 0).all())


@pytest.mark.parametrize("budget", [0.0, 1e-300, 1e300])
@pytest.mark.parametrize("bidders", [0, 1, 10**6])
def test_there_are_lists_for_every_bucket(budget: float, bidders: int) -> None:
    learned = load_auction("residual-menu").prices
    (bucket,) = learned.bucket(tensor(budget), torch.tensor([bidders])).tolist()
    lists = learned.lists((bucket[0], bucket[1]))
    assert bool(lists.isfinite().all())
    assert bool((lists[0] == 0).all())
    assert bool((lists[1:] > 0).all())
    assert bool((lists.diff(dim=0) >= 0).all())


def test_lots_are_whole_numbers_and_scale_with_the_mean_data_size() -> None:
    assert prices(UNITS).lots.tolist() == [50, 100, 200]
    assert prices(PublicUnits(records=1.0, money_per_record=1.0)).lots.tolist() == [1, 2]


def test_ten_times_the_money_is_ten_times_the_price() -> None:
    small, large = (prices(PublicUnits(records=100.0, money_per_record=unit)) for unit in (1.0, 10.0))
    torch.testing.assert_close(10 * small.lists((1, 0)), large.lists((1, 0)))


@pytest.mark.parametrize(
    ("price", "message"),
    [
        (torch.zeros(2, 3, 1), r"price has shape \[2, 3, 1\]; pass \[lists, lots, levels\] = \[2, 1, 1\]"),
        (torch.ones(2, 1, 1), "0 in the first list"),
        (tensor(0, 2, 1)[:, None, None], "nowhere lower in a list than in the one before"),
    ],
)
def test_lists_that_are_not_nested_are_refused(price: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FixedPrices(levels=tensor(1), lots=torch.tensor([1]), price=price)
