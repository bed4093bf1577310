"""The worlds of a group of the ascending menu, side by side: what is offered and sold in every one of them.

A world is a class z of sizes and plays the group as if its largest owner were of that class, whatever she reported.
All worlds from the class of the second largest owner up are played, market after market, as the rows ``[R]`` of one
batch. One of them, that of the largest report's true class, is what really happens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.parts.ascending_choice import Offers, Sale, Sellers, favourite_offer, favourites_in_block
from agents.broker.auctions.parts.ascending_groups import Group
from agents.broker.auctions.parts.ascending_markets import Lists, Markets, Played, Rule
from agents.broker.auctions.parts.ascending_network import Place, Setting, features
from agents.broker.auctions.parts.menu_network import History, Turn, known_cost
from agents.checks import MAX_RECORDS


def money_line(left: Tensor, place: Tensor, markets: int, classes: int) -> Tensor:
    """Least money ``[R]`` left in a row's world or any higher one of its market.

    It bounds what a list costs, so that an offer can be paid from whatever money a larger report would have left.

    Parameters
    ----------
    left : float64[R]
    place : int64[R]
        Of a row among all worlds of all markets, market after market, the highest world of each first.
    markets, classes : int
    """
    in_world = left.new_full((markets * classes,), torch.inf)
    in_world[place] = left
    return in_world.view(markets, classes).cummin(dim=1).values.view(-1)[place]


class Worlds:
    """A group's worlds in some markets, turn by turn.

    Parameters
    ----------
    rule : Rule
    markets : Markets [B]
    group : Group [B]
        At least one member in every market.
    turns : list of Turn [B]
        Public facts of the group's turns.
    second : bool
        Whether this is the second group.
    listed : bool
        Whether the lists themselves are asked for, not only what is sold.
    """

    def __init__(
        self, rule: Rule, markets: Markets, group: Group, turns: list[Turn], *, second: bool, listed: bool
    ) -> None:
        self._rule, self._markets, self._group, self._turns, self._second = rule, markets, group, turns, second
        self._listed = listed
        self._z2, self._z1 = group.message(rule.classes)
        self._classes = len(rule.classes)
        classes = torch.arange(self._classes)
        self._market, self._world = (classes >= self._z2[:, None]).nonzero(as_tuple=True)  # [row]
        count = self._classes - self._z2
        self._z2_row = count.cumsum(0) - count  # [market]
        self._z1_row = self._z2_row + self._z1 - self._z2
        self._history, self._left = markets.history.take(self._market), markets.left[self._market]
        self._quantum = markets.quantum[self._market]
        # Whatever no sale changes is worked out for all turns at once, [turn, ...] each.
        self._from_top = (self._market + 1) * self._classes - 1 - self._world
        self._waiting = group.waiting.double().T[:, self._market]  # [turn, row]
        self._size = group.size.permute(1, 2, 0).double()[:, :, self._market]  # [turn, member, row]
        self._told_size = self._size / rule.units.records
        unit_cost = group.of(markets.unit_cost).permute(1, 2, 0)[:, :, self._market]
        self._told_cost = known_cost(unit_cost, self._told_size)
        # Privacy loss by entry: nothing, then those of as many lists as anybody chooses from.
        self._losses = torch.nn.functional.pad(rule.network.levels.repeat(group.turns + self._classes), (1, 0))
        self._vacant = group.vacant
        self._settings = self._what_no_sale_changes()
        self._sellers = self._who_is_asked()
        self._offers = Offers.room(group.turns - 1, self._market.shape[0], rule.network.levels.shape[0])

    def play(self) -> Played:
        """Play all turns; at the last one the worlds meet, in the largest owner's choice."""
        sales, own = [], []
        for turn in range(self._group.turns - 1):
            sold, records = self._turn(turn)
            sales.append(sold)
            if self._listed:
                own.append(records[self._z1_row])
        return self._last_turn(sales, own)

    def _turn(self, turn: int) -> tuple[Sale, Tensor]:
        """A turn in all worlds: everybody picks of its list and of all earlier ones.

        Returns
        -------
        (sales [M, R], most records on the list [R, E])
        """
        price, records = self._lists(turn)
        most_paid = self._left / self._waiting[turn]
        here, market = slice(self._vacant[turn], None), self._market
        size, sellers = self._size[turn, here], self._sellers.at(turn, here)
        # The last member of a turn is its largest: her size limits the list for those who come later.
        self._offers.put(turn, price, records, size[-1])
        if len(size) == 1:
            sales = favourite_offer(self._offers, turn + 1, sellers.at(0), most_paid, market).view(1, -1)
        else:
            sales = favourites_in_block(self._offers.first(turn + 1), records, size, sellers, most_paid, market)
        told = self._told_size[turn, here], self._told_cost[turn, here]
        self._left, self._history = self._after(sales, *told, self._quantum, self._left, self._history)
        return sales, records

    def _last_turn(self, sales: list[Sale], own: list[Tensor]) -> Played:
        """The last turn, played in world z1; only the largest owner may also take what she is offered in lower ones."""
        turn, row = self._group.turns - 1, self._z1_row
        here = slice(self._vacant[turn], None)
        price, records = self._last_lists()  # [class, market, entry]
        market = torch.arange(len(row))
        most_paid = (self._left / self._waiting[turn])[row]
        size, told_size, told_cost = (
            part[turn, here][:, row] for part in (self._size, self._told_size, self._told_cost)
        )
        sellers = self._sellers.at(turn, here)
        sold, lists = [], None
        if len(size) > 1 or self._listed:
            mine = records[self._z1, market]
            offered = self._offers.take(slice(0, turn), row).and_these(price[self._z1, market][None], mine[None])
            if len(size) > 1:
                others = sellers.at(slice(0, -1))
                sold.append(favourites_in_block(offered, mine, size[:-1], others, most_paid, market))
            if self._listed:
                lists = Lists(offered, torch.stack([*own, mine]), self._open_to_largest(price, records))
        hers = self._open_to_largest(price, torch.minimum(records, size[-1, :, None]))
        sold.append(favourite_offer(hers, turn + len(price), sellers.at(-1), most_paid).view(1, -1))
        last = Sale.joined(sold)
        left, history = self._after(
            last, told_size, told_cost, self._markets.quantum, self._left[row], self._history.take(row)
        )
        return Played(
            sales=[*(sale.take(row) for sale in sales), last],
            history=history,
            left=left,
            largest=torch.maximum(self._markets.largest, told_size[-1]),
            lists=lists,
        )

    def _open_to_largest(self, price: Tensor, records: Tensor) -> Offers:
        """All lists that the largest owner could reach by understating her size, ``[T - 1 + Z, B, E]``.

        Had she reported less than the second largest, she would have been asked earlier in world z2; had she reported
        less and stayed the largest, hers would be one of the last lists ``[Z, B, E]``.
        """
        return self._offers.take(slice(0, self._group.turns - 1), self._z2_row).and_these(price, records)

    def _last_lists(self) -> tuple[Tensor, Tensor]:
        """Lists of the last turn in the worlds z2 to z1, ``[Z, B, E]``; in all other places nothing is bought.

        In a world below z1 at most as many records as an owner of that class could have.
        """
        rows = (self._world <= self._z1[self._market]).nonzero()[:, 0]
        market, world = self._market[rows], self._world[rows]
        row_price, row_records = self._lists(self._group.turns - 1, rows)
        most = torch.where(world < self._z1[market], self._rule.classes.most_records()[world], MAX_RECORDS)
        price = row_price.new_zeros(self._classes, self._z1.shape[0], row_price.shape[1])
        records = torch.zeros_like(price)
        price[world, market] = row_price
        records[world, market] = torch.minimum(row_records, most[:, None].double())
        return price, records

    def _lists(self, turn: int, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Price and most records ``[R, E]`` of a turn's lists, whatever the size of who is asked.

        Whole quanta, whole records; nobody is paid more than an equal part of the money line, shared by all of the
        group who have not been asked before.
        """
        units = self._rule.units
        line = money_line(self._left, self._from_top, self._z1.shape[0], self._classes)
        quantum, waiting, history = self._quantum, self._waiting[turn], self._history
        if rows is not None:
            quantum, waiting, line, history = quantum[rows], waiting[rows], line[rows], history.take(rows)
        price, share = self._rule.network(features(history, self._settings.at(turn, rows)))
        price = price.double().mul_((units.money_per_record / quantum)[:, None]).floor_().clamp_(min=1.0)
        part = (line / waiting).floor()
        # All are whole numbers below 2^53: no quotient is rounded up to a record too many.
        records = share.double().mul_(part[:, None]).floor_().div_(price).floor_().clamp_(0.0, float(MAX_RECORDS))
        return price, records

    def _what_no_sale_changes(self) -> Setting:
        """Of the features of all turns ``[T, R]``."""
        waiting, members = self._group.waiting.double(), self._group.members.double()[:, None]
        everybody = self._markets.everybody[:, None]
        largest = self._group.largest[:, :-1].double() / self._rule.units.records
        predecessor = torch.nn.functional.pad(largest, (1, 0))  # [market, turn]
        place = Place(
            asked=members - waiting + (everybody - members if self._second else 0.0),
            everybody=everybody.expand(waiting.shape),
            waiting=waiting,
            group=members.expand(waiting.shape),
            second=torch.full_like(waiting, self._second),
            predecessor=predecessor,
            largest=torch.maximum(self._markets.largest[:, None], predecessor),
        )
        facts = place.facts().transpose(0, 1)[:, self._market]  # [turn, row, 12]
        scale, public = (
            torch.stack(parts)[:, self._market]
            for parts in zip(*((turn.scale, turn.public) for turn in self._turns), strict=True)
        )
        return Setting.of(Turn(scale, public), facts, self._rule.network.world_edges()[self._world])

    def _who_is_asked(self) -> Sellers:
        """All members ``[T, M, B]``, the largest of a turn last; at a vacant place nothing is for sale."""
        cost, for_sale = (
            self._group.of(array).permute(1, 2, 0, 3) for array in (self._markets.cost, self._markets.for_sale)
        )
        here = (self._group.size > 0).permute(1, 2, 0)
        return Sellers.of(cost, for_sale & here[..., None], self._markets.quantum)

    def _after(
        self, sales: Sale, size: Tensor, cost: Tensor, quantum: Tensor, left: Tensor, history: History
    ) -> tuple[Tensor, History]:
        """Money left and history of some rows after a turn's sales ``[M, R]`` by who told ``size`` and ``cost``."""
        units = self._rule.units
        loss = self._losses[sales.entry]
        left = left - sales.payment.sum(dim=0)  # whole quanta: exact
        history = history.after_each(
            left=left * quantum / units.money,
            privacy_loss_squared=loss * loss,
            bought=sales.records / units.records,
            size=size,
            cost=cost,
            sold=(sales.records > 0).double(),
        )
        return left, history
