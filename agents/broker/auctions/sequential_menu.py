"""The sequential menu: owners are asked one after another, each offered a learned price list, and pick for themselves.

Exactly truthful in valuation, privacy budget and data size, individually rational and budget feasible ex post, for any
number of owners: an owner's list depends only on the budget and on those asked before her (taxation principle), her
cost is linear in records, so that at each level all or nothing of what is asked for is best, and the broker picks her
favourite from her bid after all rounding is done. Very many owners are asked in blocks (``blocks.py``): the members of
one see the same history and share what is left equally, which changes none of this.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, Guarantees, Menu, MenuAuction, check_budget, favourite, spendable
from agents.broker.auctions.parts.menu_network import FEATURES, History, MenuNetwork, Turn, known_cost, size_facts
from agents.broker.auctions.parts.network_auction import NetworkAuction, check_price_grid
from agents.broker.auctions.parts.turn_blocks import Block, in_blocks, in_order_of_bids
from agents.checks import MAX_RECORDS
from agents.messages import Bids, Outcome
from agents.units import PublicUnits

_MARKETS = 512
"""Markets played at a time: what they need at a turn fits a cache."""


class SequentialMenu(NetworkAuction[MenuNetwork], MenuAuction):
    """Sequential menu with private sizes; owners are approached in the index order of the bids.

    See ``NetworkAuction`` for the parameters.
    """

    name: ClassVar[str] = "sequential-menu"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=FIELDS)
    sizes_known: ClassVar[bool] = False
    asked_ahead: ClassVar[bool] = True
    holds: ClassVar[str] = "a menu network"

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        network: MenuNetwork | None = None,
    ) -> None:
        super().__init__(units, checkpoint=checkpoint, network=network)
        if self.network.sizes_known != self.sizes_known:
            raise ValueError(
                f"network.sizes_known = {self.network.sizes_known}, but {self.name} promises truthfulness for "
                f"sizes_known = {self.sizes_known}: pass it to the auction it was trained for"
            )
        self._levels = torch.nn.functional.pad(self.network.levels, (1, 0))

    @staticmethod
    def build(tensors: dict[str, Tensor]) -> MenuNetwork:
        """The network in a checkpoint."""
        width, inputs = tensors["body.0.weight"].shape
        network = MenuNetwork(tensors["levels"], tensors["usual_price"], width, sizes_known=inputs > FEATURES)
        network.load_state_dict(tensors)
        check_price_grid(network.levels, network.usual_price)
        return network

    @torch.no_grad()
    def price_list(self, bids: Bids, budget: Any) -> Menu:
        """Everybody's price list ``[B, n, K + 1]``, level 0 being nothing for nothing.

        Whoever is asked later sees what those before her picked, never what she herself says.
        """
        chunks = list(self._in_batches(bids, check_budget(bids, budget)))
        price = torch.cat([chunk.everybody("price") for chunk in chunks])
        records = torch.cat([chunk.everybody("records") for chunk in chunks])
        return Menu(privacy_loss=self._levels.expand(price.shape), price=price, records=records)

    @torch.no_grad()
    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Everybody's choice from her list, no list being kept any longer than her turn."""
        chunks = list(self._in_batches(bids, budget, keep_lists=False))
        return Outcome(
            privacy_loss=self._levels[torch.cat([chunk.everybody("level") for chunk in chunks])],
            payment=torch.cat([chunk.everybody("payment") for chunk in chunks]),
            data_size=torch.cat([chunk.everybody("bought") for chunk in chunks]),
        )

    def approached(self, bids: Bids) -> Tensor:
        """Order ``int64[B, n]`` in which the owners are asked: the index order, whatever anybody says."""
        return torch.arange(bids.shape[1]).expand(bids.shape)

    def _in_batches(self, bids: Bids, budget: Tensor, *, keep_lists: bool = True) -> Iterator[_Sales]:
        """What is offered and sold in some markets at a time."""
        batch = bids.shape[0]
        if batch <= _MARKETS:
            yield self._turn_by_turn(bids, budget, keep_lists)
            return
        for start in range(0, batch, _MARKETS):
            rows = torch.arange(start, min(start + _MARKETS, batch))
            yield self._turn_by_turn(bids.take(rows=rows), budget[rows], keep_lists)

    def _turn_by_turn(self, bids: Bids, budget: Tensor, keep_lists: bool) -> _Sales:
        """Ask block after block, each seeing what those before it picked."""
        units, levels = self.units, self._levels
        cost = bids.valuation.tabulate(levels)  # [batch, owner, 1 + level]
        unit_cost = bids.valuation.at(bids.privacy_budget) / units.money_per_record  # [batch, owner]
        units_of_size, present = bids.data_size.double() / units.records, bids.present
        order = self.approached(bids)  # [batch, turn]
        facts = size_facts(units_of_size, order) if self.network.sizes_known else None
        left, quantum = spendable(budget)  # [batch]
        # A budget too small to be paid out counts as none: dividing by the smallest numbers would overflow.
        history = History.beginning(torch.where(left > 0, budget, 0.0) / units.money, left / units.money)
        blocks = in_blocks(order, present)
        here = [block.of(present) & (block.owner < bids.shape[1]) for block in blocks]
        turns = Turn.each(history.budget, [asked.sum(-1) for asked in here])
        sales = _Sales(blocks, bids.shape[1])
        with torch.inference_mode():
            for block, asked, turn in zip(blocks, here, turns, strict=True):
                features = history.features(turn)[:, None]  # [batch, 1, feature]
                if facts is not None:
                    own = block.of(facts)  # [batch, member, 4]
                    features = torch.cat([features.expand(-1, own.shape[1], -1), own], dim=-1)
                price, records = self._offer(features, left, quantum, block.members)
                # [batch, member, 1 + level]
                price, records = (offer.expand(*asked.shape, -1) for offer in (price, records))
                size = torch.where(asked, block.of(bids.data_size), 0)
                cap = block.of(bids.privacy_budget)
                level, bought, payment = favourite(levels, price, records, block.of(cost), cap, size)  # [batch, member]
                sales.add(level, bought, payment)
                if keep_lists:
                    sales.keep(price, records)
                left = left - payment.sum(-1)
                told = torch.where(asked, block.of(units_of_size), 0.0)
                history = history.after(
                    left=left / units.money,
                    privacy_loss_squared=levels[level] ** 2,
                    bought=bought.double() / units.records,
                    size=told,
                    cost=known_cost(block.of(unit_cost), told),
                    sold=(bought > 0).double(),
                )
        return sales

    def _offer(self, features: Tensor, left: Tensor, quantum: Tensor, members: Tensor | None) -> tuple[Tensor, Tensor]:
        """Price per record and most records ``[B, M, K + 1]``: whole quanta, whole records, within the money left.

        A block of m shares it out in m equal parts that nobody can be paid more than.
        """
        price, cap_share = self.network(features.flatten(0, 1))
        price, cap_share = (part.reshape(*features.shape[:2], part.shape[-1]) for part in (price, cap_share))
        cap = cap_share * left[:, None, None]  # [batch, member, level]
        if members is not None:
            whole = left / quantum  # [batch]
            part = (whole / members).floor()
            # The quotient may have been rounded up to a quantum too many for all members together.
            part = (part - (part * members > whole).double()) * quantum
            cap = torch.minimum(cap, part[:, None, None])
        quantum = quantum[:, None, None]
        price = (price * self.units.money_per_record / quantum).floor().clamp(min=1) * quantum
        # Price and money are whole quanta below 2^53 of them: no quotient is rounded up to a record too many.
        records = (cap / price).floor().clamp(0, MAX_RECORDS).long()
        return torch.nn.functional.pad(price, (1, 0)), torch.nn.functional.pad(records, (1, 0))


class _Sales:
    """What the owners of some markets were offered at their turns and picked of it."""

    def __init__(self, blocks: list[Block], owners: int) -> None:
        self._blocks, self._owners = blocks, owners
        self._parts: dict[str, list[Tensor]] = {name: [] for name in ("level", "bought", "payment", "price", "records")}

    def add(self, level: Tensor, bought: Tensor, payment: Tensor) -> None:
        """Note what the owners of a block picked, ``[B, M]``."""
        for name, part in (("level", level), ("bought", bought), ("payment", payment)):
            self._parts[name].append(part)

    def keep(self, price: Tensor, records: Tensor) -> None:
        """Note what they were offered, ``[B, M, K + 1]``."""
        self._parts["price"].append(price)
        self._parts["records"].append(records)

    def everybody(self, name: str) -> Tensor:
        """One of these things of all owners, in the order of the bids."""
        return in_order_of_bids(self._parts[name], self._blocks, self._owners)
