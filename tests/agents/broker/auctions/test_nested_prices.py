from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.nested_prices import FixedPrices, TunedPrices
from agents.prior import OwnerPrior
from agents.units import PublicUnits

UNITS = OwnerPrior().units


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_an_occasion_is_made_of_budget_and_bidders_alone() -> None:
    prices = TunedPrices(UNITS)
    assert prices.occasion(tensor(10, 10, 1) * UNITS.money, torch.tensor([10, 1, 1])).tolist() == [
        [0, 0],
        [2, -2],
        [0, -2],
    ]


@pytest.mark.parametrize("budget", [0.0, 1e-300, 1e300])
@pytest.mark.parametrize("bidders", [0, 1, 10**6])
def test_there_are_lists_for_every_occasion(budget: float, bidders: int) -> None:
    prices = TunedPrices(UNITS)
    (occasion,) = prices.occasion(tensor(budget), torch.tensor([bidders])).tolist()
    lists = prices.lists((occasion[0], occasion[1]))
    assert bool(lists.isfinite().all())
    assert bool((lists[0] == 0).all())
    assert bool((lists[1:] > 0).all())
    assert bool((lists.diff(dim=0) >= 0).all())


def test_lots_are_whole_numbers_and_scale_with_the_mean_data_size() -> None:
    lots = TunedPrices(UNITS).lots
    assert bool((lots.diff() > 0).all())
    assert 125 in lots.tolist()
    assert TunedPrices(PublicUnits(records=3.0, money_per_record=1.0)).lots[:4].tolist() == [1, 2, 3, 4]


def test_ten_times_the_money_is_ten_times_the_price() -> None:
    small, large = (TunedPrices(PublicUnits(records=100.0, money_per_record=unit)) for unit in (1.0, 10.0))
    torch.testing.assert_close(10 * small.lists((1, 0)), large.lists((1, 0)))


def test_richer_lists_pay_more_for_privacy_relative_to_records() -> None:
    prices = TunedPrices(UNITS)
    lists = prices.lists((0, 0))
    lot = prices.lots.tolist().index(125)
    half, two = (int((prices.levels - level).abs().argmin()) for level in (0.5, 2.0))
    poor, rich = lists[10, lot, two] / lists[10, lot, half], lists[-1, lot, two] / lists[-1, lot, half]
    assert rich > poor > 1


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
