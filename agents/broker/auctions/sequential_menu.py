"""The sequential menu: owners are asked one after another, each offered a learned price list, and pick for themselves.

Exactly truthful in valuation, privacy budget and data size, individually rational and budget feasible ex post, for any
number of owners: an owner's list depends only on the budget and on those asked before her (taxation principle), her
cost is linear in records, so that at each level all or nothing of what is asked for is best, and the broker picks her
favourite from her bid after all rounding is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import FIELDS, Guarantees, Menu, MenuAuction, check_budget, favourite, spendable
from agents.broker.auctions.checkpoint import SHIPPED, load_checkpoint
from agents.broker.auctions.menu_network import FEATURES, History, MenuNetwork, Turn, size_facts
from agents.checks import MOST_RECORDS
from agents.messages import Bids
from agents.units import PublicUnits


class SequentialMenu(MenuAuction):
    """Sequential menu with private sizes; owners are approached in the index order of the bids.

    Parameters
    ----------
    units : PublicUnits, optional
        Public units of the market at hand; by default those of training.
    checkpoint : Path, optional
        By default the shipped one.
    network : MenuNetwork, optional
        Instead of a checkpoint, with ``units``.
    """

    name: ClassVar[str] = "sequential-menu"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=FIELDS)
    sizes_known: ClassVar[bool] = False
    units: PublicUnits

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        network: MenuNetwork | None = None,
    ) -> None:
        self.card = None
        if network is None:
            path = checkpoint or SHIPPED / f"{self.name}.safetensors"
            tensors, self.card = load_checkpoint(path, self.name)
            network = _rebuild(tensors, path)
            units = units or self.card.units
        if units is None:
            raise ValueError("units = None: a network without a checkpoint needs the public units it works in")
        if network.sizes_known != self.sizes_known:
            raise ValueError(
                f"network.sizes_known = {network.sizes_known}, but {self.name} promises truthfulness for "
                f"sizes_known = {self.sizes_known}: pass it to the auction it was trained for"
            )
        super().__init__(units)
        self.network = network.eval().requires_grad_(False)

    @torch.no_grad()
    def price_list(self, bids: Bids, budget: Any) -> Menu:
        """Everybody's price list ``[B, n, K + 1]``, level 0 being nothing for nothing.

        Whoever is asked later sees what those before her picked, never what she herself says.
        """
        budget = check_budget(bids, budget)
        batch, owners = bids.shape
        levels = torch.cat([budget.new_zeros(1), self.network.levels])
        order = self.approached(bids)
        size, cap = bids.data_size.gather(-1, order), bids.privacy_budget.gather(-1, order)
        cost = bids.valuation.tabulate(levels).gather(1, order[..., None].expand(-1, -1, len(levels)))
        unit_cost = bids.valuation.at(bids.privacy_budget).gather(-1, order) / self.units.money_per_record
        units_of_size = size.double() / self.units.records
        facts = size_facts(units_of_size) if self.network.sizes_known and owners else None
        left, quantum = spendable(budget)
        history = History.beginning(budget / self.units.money, left / self.units.money)
        lists: list[tuple[Tensor, Tensor]] = []
        for owner, turn in enumerate(Turn.each(history.budget, size > 0)):
            features = history.features(turn)
            if facts is not None:
                features = torch.cat([features, facts[:, owner]], dim=-1)
            price, records = self._offer(features, left, quantum)
            lists.append((price, records))
            level, bought, payment = favourite(levels, price, records, cost[:, owner], cap[:, owner], size[:, owner])
            left = left - payment
            history = history.after(
                left=left / self.units.money,
                privacy_loss_squared=levels[level] ** 2,
                bought=bought.double() / self.units.records,
                size=units_of_size[:, owner],
                unit_cost=unit_cost[:, owner],
                sold=(bought > 0).double(),
            )
        if not lists:
            empty = budget.new_zeros(batch, 0, len(levels))
            return Menu(privacy_loss=empty, price=empty, records=empty.long())
        place = order.argsort(dim=-1)[..., None].expand(-1, -1, len(levels))
        return Menu(
            privacy_loss=levels.expand(batch, owners, len(levels)),
            price=torch.stack([price for price, _ in lists], dim=1).gather(1, place),
            records=torch.stack([records for _, records in lists], dim=1).gather(1, place),
        )

    def approached(self, bids: Bids) -> Tensor:
        """Order ``int64[B, n]`` in which the owners are asked: the index order, whatever anybody says."""
        return torch.arange(bids.shape[1]).expand(bids.shape)

    def _offer(self, features: Tensor, left: Tensor, quantum: Tensor) -> tuple[Tensor, Tensor]:
        """Price per record and most records ``[B, K + 1]``: whole quanta, whole records, within the budget left."""
        price, cap_share = self.network(features)
        quantum, left = quantum[:, None], left[:, None]
        price = (price * self.units.money_per_record / quantum).floor().clamp(min=1) * quantum
        # Price and money left are whole quanta below 2^53 of them: no quotient is rounded up to a record too many.
        records = (cap_share * left / price).floor().clamp(0, MOST_RECORDS).long()
        return torch.nn.functional.pad(price, (1, 0)), torch.nn.functional.pad(records, (1, 0))


def _rebuild(tensors: dict[str, Tensor], path: Path) -> MenuNetwork:
    try:
        width, inputs = tensors["body.0.weight"].shape
        network = MenuNetwork(tensors["levels"], tensors["usual_price"], width, sizes_known=inputs > FEATURES)
        network.load_state_dict(tensors)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ValueError(f"checkpoint {path} does not hold a menu network ({error}); train it again") from None
    levels = network.levels
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise ValueError(f"checkpoint {path} holds numbers that are not finite; train it again")
    if float(levels[0]) <= 0 or bool((levels.diff() < 0).any()) or bool((network.usual_price <= 0).any()):
        raise ValueError(f"checkpoint {path}: levels must be positive and increasing, prices positive; train it again")
    return network
