"""The equivariant menu as training plays it: favourites that let gradients through, in float32."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.broker.auctions.parts.budget_division import common_rate
from agents.broker.auctions.parts.equivariant_network import EquivariantNetwork, Market, PriceLists, Purchases
from agents.messages import Bids
from agents.units import PublicUnits

_MAX_COST = 1e6
"""Costs beyond so many public units, which nobody pays, are clamped to keep gradients finite."""
_BOUNDLESS = 1e15
"""The part of whoever is not capped: finite, for the same reason."""


@dataclass(frozen=True)
class SoftenedPass:
    """What one of the two passes comes to, in public units.

    Parameters
    ----------
    purchases : Purchases
    wanted : Purchases
        What would be bought if money were not scarce.
    choice : Tensor[B, n, K]
        One at the level chosen (0 everywhere for nothing), with the gradients of a softmax.
    capped : bool[B, n]
        Who got less than her favourite because money was scarce.
    """

    purchases: Purchases
    wanted: Purchases
    choice: Tensor
    capped: Tensor

    def utility(self, cost: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        """Utility and cost ``[B]`` of one owner per market, by her true ``cost[B, n, K]`` per record."""
        rows = torch.arange(len(owner))
        per_record = (self.choice[rows, owner] * cost[rows, owner]).sum(-1)
        whole = per_record * self.purchases.records[rows, owner]
        return self.purchases.payment[rows, owner] - whole, whole


@dataclass(frozen=True)
class ReportedMarket:
    """Bids and budgets in public units.

    Parameters
    ----------
    market : Market
    cost : float32[B, n, K]
        Reported, per record.
    for_sale : bool[B, n, K]
        Levels within the privacy budget.
    """

    market: Market
    cost: Tensor
    for_sale: Tensor

    @staticmethod
    def of(bids: Bids, budget: Tensor, levels: Tensor, units: PublicUnits) -> ReportedMarket:
        """What the bids say at the levels of the grid."""
        device = levels.device
        size = (bids.data_size.double() / units.records).float().to(device)
        cost = (bids.valuation.tabulate(levels.cpu()) / units.money_per_record).clamp(max=_MAX_COST).float().to(device)
        return ReportedMarket(
            market=Market(size=size, budget=(budget / units.money).float().to(device)),
            cost=cost,
            for_sale=levels <= bids.privacy_budget.to(device)[..., None],
        )


def softened_equivariant(
    network: EquivariantNetwork, reported: ReportedMarket, units: PublicUnits, temperature: float
) -> tuple[SoftenedPass, SoftenedPass]:
    """Both passes under the bids given, as deployed but for the rounding of money."""
    first = _play(network.tentative(reported.market), network.levels, reported, units, temperature)
    lists = network.final(reported.market, first.wanted.detached())
    return first, _play(lists, network.levels, reported, units, temperature)


def _play(
    lists: PriceLists, levels: Tensor, reported: ReportedMarket, units: PublicUnits, temperature: float
) -> SoftenedPass:
    market, budget = reported.market, reported.market.budget
    paid_for = lists.cap * budget[:, None, None] / lists.price  # [batch, owner, level]
    records = _whole(torch.minimum(market.size[..., None], paid_for), units)
    choice = _favourite(lists.price, records, reported, temperature)
    wanted = _purchases(choice, records, lists.price, levels)  # [batch, owner]
    rate, capped = common_rate(wanted.payment, lists.weight, budget)
    # Where nobody is capped the rate is infinite; a gradient through it would be no number.
    part = torch.where(capped, torch.where(capped, rate[:, None], 1.0) * lists.weight, _BOUNDLESS)
    records = _whole(torch.minimum(records, part[..., None] / lists.price), units)
    choice = _favourite(lists.price, records, reported, temperature)
    purchases = _purchases(choice, records, lists.price, levels)
    return SoftenedPass(purchases=purchases, wanted=wanted, choice=choice, capped=capped)


def _purchases(choice: Tensor, records: Tensor, price: Tensor, levels: Tensor) -> Purchases:
    bought = choice * records  # [batch, owner, level]
    return Purchases((choice * (levels**2 / 8).float()).sum(-1), bought.sum(-1), (bought * price).sum(-1))


def _whole(records: Tensor, units: PublicUnits) -> Tensor:
    """Whole records, in public units, with the gradient of the fraction; float32 may miss a whole one by 1e-4."""
    rounded = (records.detach() * units.records + 1e-4).floor() / units.records
    return records + (rounded - records.detach())


def _favourite(price: Tensor, records: Tensor, reported: ReportedMarket, temperature: float) -> Tensor:
    """One-hot choices ``[B, n, K]``; gradients see a softmax of utility per record she has."""
    size = reported.market.size.clamp(min=1e-6)[..., None]
    utility = records / size * (price - reported.cost)  # [batch, owner, level]
    utility = torch.where(reported.for_sale & (records > 0), utility, -torch.inf)
    utility = torch.nn.functional.pad(utility, (1, 0))  # [batch, owner, 1 + level]
    hard = torch.nn.functional.one_hot(utility.argmax(-1), utility.shape[-1])
    if not torch.is_grad_enabled():
        return hard[..., 1:].float()
    soft = torch.softmax(utility / temperature, dim=-1)
    # Straight through: the value of the hard choice, the gradient of the soft one.
    return (hard + soft - soft.detach())[..., 1:]
