"""The equivariant menu: everybody is offered a learned price list at once, and scarce money is shared by a public rule.

One network for any number of owners. A first pass makes everybody a tentative offer that depends on data sizes only and
finds what she would sell; a second makes the final offers, knowing of everybody else what that would be. Owners get
their favourite entries; where these cost more than the budget, everybody is capped by the weighted uniform rule and
gets her favourite of what is left of her list.

Individually rational and budget feasible to the last bit. Not exactly truthful: her list depends on her data size,
which she may understate, and what she says of herself moves the others' lists and, where money is scarce, her cap.
What lying is worth is what training keeps down (the regret target of its recipe).

Where up to six owners are present they are few enough for everybody to move everybody else's lists, and no weights were
found that keep lies from paying: they get what the residual menu gives them, which is exactly truthful. How many are
present is public.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import MIN_WEIGHT, Guarantees, favourite, spendable
from agents.broker.auctions.parts.budget_division import common_rate
from agents.broker.auctions.parts.equivariant_network import EquivariantNetwork, Market, Purchases
from agents.broker.auctions.parts.network_auction import NetworkAuction, check_price_grid
from agents.broker.auctions.residual_menu import ResidualMenu
from agents.checks import MAX_RECORDS
from agents.messages import Bids, Outcome
from agents.units import PublicUnits

_ROUNDING_MARGIN = 1 - 2.0**-40
"""Of the common rate, so that no rounding of it exceeds the budget."""
MAX_FEW = 6
"""Owners of the largest market that the residual menu plays."""
_BATCH_ENTRIES = 100_000
"""Entries of price lists computed in one batch, unless one market has more."""


class EquivariantMenu(NetworkAuction[EquivariantNetwork]):
    """Equivariant menu with private sizes, for any number of owners; see ``NetworkAuction`` for the parameters."""

    name: ClassVar[str] = "equivariant-menu"
    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=frozenset())
    anonymous: ClassVar[bool] = True
    holds: ClassVar[str] = "an equivariant network"

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        network: EquivariantNetwork | None = None,
    ) -> None:
        super().__init__(units, checkpoint=checkpoint, network=network)
        self._of_few = ResidualMenu(self.units)

    @staticmethod
    def build(tensors: dict[str, Tensor]) -> EquivariantNetwork:
        """The network in a checkpoint."""
        summary, width = tensors["final.describe.0.bias"].shape[0], tensors["final.body.0.bias"].shape[0]
        network = EquivariantNetwork(tensors["levels"], tensors["final.usual_price"], summary, width)
        network.load_state_dict(tensors)
        check_price_grid(network.levels, network.final.usual_price)
        return network

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Both passes in markets of more than a few, the residual menu in the others."""
        few = bids.present.sum(-1) <= MAX_FEW  # [batch]
        parts = [(rows, play) for rows, play in ((few, self._of_few.run), (~few, self._in_batches)) if bool(rows.any())]
        if len(parts) < 2:
            return (parts[0][1] if parts else self._in_batches)(bids, budget)
        outcomes = [play(bids.take(rows=rows), budget[rows]) for rows, play in parts]
        back = torch.cat([rows.nonzero()[:, 0] for rows, _ in parts]).argsort()
        return _joined(outcomes, back)

    def _in_batches(self, bids: Bids, budget: Tensor) -> Outcome:
        """Both passes, in batches of markets."""
        rows = max(1, _BATCH_ENTRIES // (bids.shape[1] * (len(self.network.levels) + 1)))
        batches = [slice(start, start + rows) for start in range(0, len(budget), rows)]
        if len(batches) <= 1:
            return self._allocate_batch(bids, budget)
        return _joined([self._allocate_batch(bids.take(rows=batch), budget[batch]) for batch in batches])

    @torch.no_grad()
    def _allocate_batch(self, bids: Bids, budget: Tensor) -> Outcome:
        units, network = self.units, self.network
        budget, quantum = spendable(budget)  # [batch]
        market = Market(size=bids.data_size.double() / units.records, budget=budget / units.money)
        levels = torch.cat([budget.new_zeros(1), network.levels])  # [1 + level]
        cost = bids.valuation.tabulate(levels)  # [batch, owner, 1 + level]
        wanted = _wanted(network, market, cost[..., 1:] / units.money_per_record, bids.privacy_budget)
        lists = network.final(market, wanted)  # [batch, owner, level]

        quantum, money = quantum[:, None, None], budget[:, None, None]
        price = (lists.price * units.money_per_record / quantum).floor().clamp(min=1) * quantum
        # Prices and money are whole quanta below 2^53 of them: no quotient is rounded up to a record too many.
        records = (lists.cap * money / price).floor().clamp(0, MAX_RECORDS)
        price, records = torch.nn.functional.pad(price, (1, 0)), torch.nn.functional.pad(records, (1, 0)).long()
        cap, size = bids.privacy_budget, bids.data_size
        level, sold, payment = favourite(levels, price, records, cost, cap, size)  # [batch, owner]
        part = _parts(payment, lists.weight, budget, quantum[..., 0])
        capped = payment > part
        if bool(capped.any()):
            # Whoever is capped chooses again from what of her list her part pays for: [capped owner, 1 + level].
            price, records, cost = price[capped], records[capped], cost[capped]
            affordable = (part[capped, None] / price.clamp(min=MIN_WEIGHT)).floor().clamp(max=MAX_RECORDS).long()
            fewer = favourite(levels, price, torch.minimum(records, affordable), cost, cap[capped], size[capped])
            level[capped], sold[capped], payment[capped] = fewer
        return Outcome(privacy_loss=levels[level], payment=payment, data_size=sold)


def _joined(parts: list[Outcome], order: Tensor | None = None) -> Outcome:
    """One outcome of several, its markets put in ``order``."""
    whole = [torch.cat([getattr(part, name) for part in parts]) for name in Outcome.__dataclass_fields__]
    return Outcome(*(array if order is None else array[order] for array in whole))


def _wanted(network: EquivariantNetwork, market: Market, cost: Tensor, cap: Tensor) -> Purchases:
    """What would be sold at the tentative offers, in public units; it binds nobody, so that no rounding matters."""
    lists, levels, size = network.tentative(market), network.levels, market.size[..., None]
    records = torch.minimum(lists.cap * market.budget[:, None, None] / lists.price, size)  # [batch, owner, level]
    for_sale = (levels <= cap[..., None]) & (records > 0)
    utility = torch.where(for_sale, records * (lists.price - cost), -torch.inf)
    maximum, level = utility.max(dim=-1, keepdim=True)
    sells = maximum[..., 0] > 0  # [batch, owner]
    bought = torch.where(sells, records.gather(-1, level)[..., 0], 0.0)
    return Purchases(
        precision=torch.where(sells, levels[level[..., 0]] ** 2 / 8, 0.0),
        records=bought,
        payment=bought * lists.price.gather(-1, level)[..., 0],
    )


def _parts(claim: Tensor, weight: Tensor, budget: Tensor, quantum: Tensor) -> Tensor:
    """Most money ``[B, n]`` for everybody by the weighted uniform rule, in whole quanta."""
    rate, _ = common_rate(claim, weight, budget)
    scarce = (rate < torch.inf)[:, None]
    part = torch.where(scarce, rate[:, None] * _ROUNDING_MARGIN, 0.0) * weight
    return torch.where(scarce, (part / quantum).floor() * quantum, torch.inf)
