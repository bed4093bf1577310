"""The ascending menu with lists written by hand: who is offered what in which world, and which lie is forbidden how."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.auctions.parts import ascending_worlds
from agents.broker.auctions.parts.ascending_choice import Offers
from agents.broker.auctions.parts.ascending_groups import Group
from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.broker.auctions.parts.ascending_worlds import Worlds
from agents.types import OwnerTypes
from agents.units import PublicUnits
from agents.valuation import ParametricValuation

LEVEL = 0.5
EDGES = (0, 4, 8)
"""Class 0 holds 1 to 3 records, class 1 holds 4 to 7, class 2 all sizes from 8 on."""
EDGE_SEEN, WAITING_SEEN, SECOND_SEEN = 24, 15, 22
"""Places of the logarithms of the world's edge and of the owners waiting, and of the group, among the features."""

Price = Callable[[bool, int, int], float]
"""Price of a record from (second group?, owners of the group not asked yet, world)."""


class ByHand(AscendingNetwork):
    """One privacy loss, 0.5, at prices from a table; whoever is asked may be paid her whole part of the money line."""

    def __init__(self, price: Price, share: float = 1.0) -> None:
        one = torch.ones(1, dtype=torch.float64)
        super().__init__(LEVEL * one, one, torch.tensor(EDGES, dtype=torch.float64), width=2)
        self._price, self._share = price, share

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        edges = self.world_edges().log().float()
        prices = []
        for row in seen:
            world = int((edges - row[EDGE_SEEN]).abs().argmin())
            prices.append(self._price(bool(row[SECOND_SEEN] == 1), round(float(row[WAITING_SEEN].exp())), world))
        price = torch.tensor(prices, dtype=torch.float32)[:, None]
        return price, torch.full_like(price, self._share)


def by_hand(price: Price) -> AscendingMenu:
    return AscendingMenu(PublicUnits(records=1.0, money_per_record=1.0), network=ByHand(price))


def owners(*size: int, cost: float | list[float] = 0.5) -> OwnerTypes:
    """One market of linear owners; ``cost`` is that of a record at the one loss for sale."""
    shape = (1, len(size))
    factor = torch.tensor([cost if isinstance(cost, list) else [cost] * len(size)], dtype=torch.float64)
    return OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(shape, dtype=torch.int64), factor=factor),
        privacy_budget=torch.ones(shape, dtype=torch.float64),
        data_size=torch.tensor([size]),
    )


def sold(auction: AscendingMenu, types: OwnerTypes, budget: float) -> list[tuple[int, float]]:
    """Records and payment of everybody."""
    outcome = auction.run(types.truthful_bids(), [budget])
    return list(zip(outcome.data_size[0].tolist(), outcome.payment[0].tolist(), strict=True))


def gain(auction: AscendingMenu, types: OwnerTypes, budget: float, owner: int, size: int) -> float:
    """What an owner gains by reporting another size."""
    truth = types.truthful_bids()
    lied = truth.data_size.clone()
    lied[0, owner] = size
    utilities = [types.utility(auction.run(bids, [budget])) for bids in (truth, truth.replace(data_size=lied))]
    return float((utilities[1] - utilities[0])[0, owner])


def three_owners_price(second: bool, waiting: int, world: int) -> float:
    """Bob is asked first, at 2, 1.5 or 1 in worlds 0, 1, 2; Anna at the same prices; Carl at 3, 1, 1."""
    return (3.0, 1.0, 1.0)[world] if second else (2.0, 1.5, 1.0)[world]


THREE = owners(10, 3, 5)
"""Anna, Bob and Carl: Anna and Bob are the first group, in which Bob, with fewer records, is asked first."""


def test_three_owners_by_hand():
    # Bob (3 records, class 0) makes z2 = 0, Anna (10 records, class 2) z1 = 2: worlds 0, 1 and 2 are played.
    # Bob may be paid 24 / 2 = 12 in each: 3 records for 6, 4.5 and 3. Left, and line: 18, 19.5, 21.
    # Anna may take, at a cost of 0.5 a record:
    #   in world 2: 10 records at 1 (Q = 21)                                        10 x 0.5 = 5
    #   in world 1: 13 records at 1.5, but no more than class 1 can have, 7          7 x 1   = 7   <- hers, for 10.5
    #   in world 0: 9 records at 2, but no more than class 0 can have, 3             3 x 1.5 = 4.5
    #   Bob's list in world 0: 6 records at 2, but no more than Bob has, 3           3 x 1.5 = 4.5
    # Left: 24 - 3 - 10.5 = 10.5. Carl is alone: any class up to his own (1) is open to him.
    #   in world 1: 5 of 10 records at 1                                             5 x 0.5 = 2.5
    #   in world 0: 3 of 3 records at 3 (10.5 / 3 = 3.5, rounded down)               3 x 2.5 = 7.5 <- his, for 9
    assert sold(by_hand(three_owners_price), THREE, 24.0) == [(7, 10.5), (3, 3.0), (3, 9.0)]


def test_bob_is_played_in_the_world_of_anna_s_true_class():
    assert sold(by_hand(three_owners_price), owners(3, 3, 5), 24.0)[1] == (3, 6.0)
    assert sold(by_hand(three_owners_price), owners(7, 3, 5), 24.0)[1] == (3, 4.5)
    assert sold(by_hand(three_owners_price), owners(8, 3, 5), 24.0)[1] == (3, 3.0)


def test_four_in_one_group_choose_from_all_earlier_lists_too():
    # Five owners, the last of them alone in the second group and with nothing to gain. In ascending order the others
    # have 1, 2, 4 and 9 records; z2 is class 1, z1 class 2. Prices by owners waiting: 4 -> 4, 3 -> 1, 2 -> 2, 1 -> 1.
    auction = by_hand(lambda second, waiting, world: 0.25 if second else {4: 4.0, 3: 1.0, 2: 2.0, 1: 1.0}[waiting])
    # The first may be paid 80 / 4 = 20, all he has costs 4. Left 76.
    # The second: 2 records at 1 leave 1; 1 record (no more than the first has) at 4 leaves 3.5: paid 4. Left 72.
    # The third: 4 at 2 leave 6; of the first's list 1 at 4 leaves 3.5; of the second's 2 at 1. Paid 8. Left 64.
    # The largest: 9 at 1 leave 4.5, in world 1 (at most 7 records) 3.5; of the first's list 3.5, of the second's 1, of
    # the third's (4 records) 6: paid 8.
    types = owners(9, 4, 1, 2, 5)
    assert sold(auction, types, 80.0) == [(4, 8.0), (4, 8.0), (1, 4.0), (1, 4.0), (0, 0.0)]


def test_an_offer_costs_no_more_than_any_higher_world_would_have_left():
    # Bob's 2 records at 12 each in world 2, next to nothing in lower ones; Anna at 9 a record in world 0, 0.75 else.
    def price(second: bool, waiting: int, world: int) -> float:
        return (0.25, 0.25, 6.0)[world] if waiting == 2 else (9.0, 0.75, 0.75)[world]

    # In world 2 Bob is paid 12 of 24; in world 0 he refuses. Without the line Anna could have 2 records for 18 there,
    # more than the 12 that are left. With it the list of world 0 may cost 12: 1 record, for 9.
    types = owners(8, 2, 1, cost=[0.5, 0.5, 100.0])
    assert sold(by_hand(price), types, 24.0) == [(1, 9.0), (2, 12.0), (0, 0.0)]


def test_without_the_money_line_the_budget_is_overspent(monkeypatch):
    def price(second: bool, waiting: int, world: int) -> float:
        return (0.25, 0.25, 6.0)[world] if waiting == 2 else (9.0, 0.75, 0.75)[world]

    monkeypatch.setattr(ascending_worlds, "money_line", lambda left, *_: left)
    payments = [payment for _, payment in sold(by_hand(price), owners(8, 2, 1, cost=[0.5, 0.5, 100.0]), 24.0)]
    assert payments == [18.0, 12.0, 0.0]


def test_who_is_alone_in_a_group_may_take_what_any_smaller_report_would_get_her(monkeypatch):
    auction = by_hand(three_owners_price)
    assert all(gain(auction, THREE, 24.0, owner=2, size=size) <= 0 for size in range(1, 5))
    # Were z2 her own class, Carl would be offered 5 records for 5 and gain by reporting 3, which he sells for 9.
    message = Group.message
    monkeypatch.setattr(
        Group,
        "message",
        lambda group, classes: (torch.where(group.members > 1, *message(group, classes)), message(group, classes)[1]),
    )
    assert sold(auction, THREE, 24.0)[2] == (5, 5.0)
    assert gain(auction, THREE, 24.0, owner=2, size=3) == 7.5 - 2.5


def test_without_lower_worlds_the_largest_owner_gains_by_understating(monkeypatch):
    auction = by_hand(three_owners_price)
    assert all(gain(auction, THREE, 24.0, owner=0, size=size) <= 0 for size in range(1, 10))
    open_to_largest = Worlds._open_to_largest

    def only_the_true_class(worlds: Worlds, price: Tensor, records: Tensor) -> Offers:
        true = torch.arange(len(price))[:, None] == worlds._z1
        return open_to_largest(worlds, price, torch.where(true[..., None], records, 0.0))

    monkeypatch.setattr(Worlds, "_open_to_largest", only_the_true_class)
    # In world 2 she sells 10 records for 10, 5 more than they cost; reporting 7 she sells 7 for 10.5, 7 more.
    assert gain(auction, THREE, 24.0, owner=0, size=7) == 7 - 5


def test_without_earlier_lists_the_largest_owner_gains_by_reporting_less_than_the_second(monkeypatch):
    def price(second: bool, waiting: int, world: int) -> float:
        return 5.0 if waiting == 2 else 1.0  # whoever is asked first is paid best

    auction, types = by_hand(price), owners(10, 3, 5)
    assert all(gain(auction, types, 60.0, owner=0, size=size) <= 0 for size in range(1, 10))
    open_to_largest = Worlds._open_to_largest

    def only_her_own(worlds: Worlds, price: Tensor, records: Tensor) -> Offers:
        offers = open_to_largest(worlds, price, records)
        earlier = len(offers.price) - len(price)
        offers.records[:earlier] = 0
        return Offers.of(offers.price, offers.records)

    monkeypatch.setattr(Worlds, "_open_to_largest", only_her_own)
    # Her own 10 records at 1 leave 5; reporting 2 she is asked before Bob and sells 2 at 5, 9 more than they cost.
    assert gain(auction, types, 60.0, owner=0, size=2) == 9 - 5


@pytest.mark.parametrize("size", [(4,), (4, 4), (4, 4, 4), (1, 1000, 1000), (10**12, 1, 1, 1)])
def test_ties_giants_and_markets_of_one_sell_within_the_budget(size):
    auction, types = by_hand(three_owners_price), owners(*size)
    outcome = auction.run(types.truthful_bids(), [24.0])
    assert float(outcome.payment.sum()) <= 24.0
    assert bool((types.utility(outcome) >= 0).all())
    assert bool(outcome.sells.any())
