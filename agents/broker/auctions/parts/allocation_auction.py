"""What RegretNet, M-RegretNet and DM-RegretNet share as auctions: everything but how a level is chosen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from agents.broker.auctions.base import Guarantees, check_budget, spendable
from agents.broker.auctions.parts.allocation_network import FACTS, AllocationNetwork, Reports, grid
from agents.broker.auctions.parts.allocation_rules import Proposal, after_refusals
from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.auctions.parts.network_auction import NetworkAuction
from agents.broker.auctions.parts.softened import Softened
from agents.messages import Bids, Outcome
from agents.surplus import surplus
from agents.units import PublicUnits

_ROUNDING_MARGIN = 1 - 2.0**-40
"""Part of its share of the budget that an owner is paid: shares that sum to 1 but for rounding keep the budget."""


class AllocationAuction(NetworkAuction[AllocationNetwork]):
    """An auction by two networks, trained against regret: nearly truthful on its prior, exactly so in no field.

    All records of an owner are bought or none, at one of the privacy losses k/M of her privacy budget. Payments keep
    the budget by construction. Whoever would be paid less than she says it costs her sells nothing instead, so that
    no truthful owner ever loses; in the original (FL-Market, section V-C) a penalty in training stands for that.
    See ``NetworkAuction`` for the parameters.
    """

    guarantees: ClassVar[Guarantees] = Guarantees(truthful_in=frozenset())
    holds: ClassVar[str] = "an allocation network"

    def __init__(
        self,
        units: PublicUnits | None = None,
        *,
        checkpoint: Path | None = None,
        network: AllocationNetwork | None = None,
    ) -> None:
        super().__init__(units, checkpoint=checkpoint, network=network)
        self.max_owners = self.network.owners

    @staticmethod
    def build(tensors: dict[str, Tensor]) -> AllocationNetwork:
        """The network in a checkpoint."""
        width, inputs = tensors["allocation.0.weight"].shape
        owners = len(tensors["payment.6.bias"])
        levels = len(tensors["allocation.6.bias"]) // owners - 1
        if inputs != owners * (levels + FACTS) + 1:
            raise ValueError(f"{inputs} inputs do not make {owners} owners at {levels} levels")
        network = AllocationNetwork(owners, levels, width)
        network.load_state_dict(tensors)
        return network

    @staticmethod
    @abstractmethod
    def propose(network: AllocationNetwork, reports: Reports) -> Proposal:
        """How the networks' answers become levels and shares of the budget."""

    @torch.no_grad()
    def odds(self, bids: Bids, budget: Any) -> Lottery:
        """Everybody's possible sales ``[B, n, M + 1]``, after refusals, and how probable each is."""
        budget = check_budget(bids, budget)
        self.check_capacity(bids)
        loss = grid(bids.privacy_budget, self.network.levels)  # [batch, owner, 1 + level]
        value = bids.valuation.at(loss)
        budget, quantum = spendable(budget)  # [batch]
        reports = Reports(
            value=value[..., 1:] / self.units.money_per_record,
            cap=bids.privacy_budget,
            size=bids.data_size.double() / self.units.records,
            budget=budget / self.units.money,
        )
        order = reports.order()  # [batch, place]
        proposal = self.propose(self.network, reports.listed(order, self.network.owners))
        place = order.argsort(dim=-1).clamp(max=self.network.owners - 1)[..., None].expand(loss.shape)
        quanta = (budget / quantum)[:, None, None] * proposal.share.gather(1, place) * _ROUNDING_MARGIN
        payment = quanta.floor() * quantum[:, None, None]
        records = bids.data_size[..., None].expand(loss.shape)
        sold = (surplus(payment, records, value) >= 0) & (loss > 0) & reports.present[..., None]
        probability = torch.where(sold, proposal.probability.gather(1, place), 0.0)
        probability[..., 0] = (1 - probability[..., 1:].sum(-1)).clamp(min=0)
        return Lottery(
            privacy_loss=torch.where(sold, loss, 0.0),
            payment=torch.where(sold, payment, 0.0),
            records=torch.where(sold, records, 0),
            probability=probability,
        )

    def softened(
        self,
        value_at: Callable[[Tensor], Tensor],
        privacy_budget: Tensor,
        data_size: Tensor,
        budget: Tensor,
        *,
        hard: bool,
    ) -> Softened:
        """The rule for gradients to pass through (``Differentiable``); not ``hard``, nobody's level is chosen yet."""
        loss = grid(privacy_budget, self.network.levels)
        reports = Reports(
            value=value_at(loss)[..., 1:] / self.units.money_per_record,
            cap=privacy_budget,
            size=data_size / self.units.records,
            budget=budget / self.units.money,
        )
        proposal = self.propose(self.network, reports)
        sales = after_refusals(proposal if hard else replace(proposal, probability=proposal.chance), reports)
        payment = (sales.probability * sales.payment).sum(-1) * self.units.money
        return Softened(privacy_loss=loss, probability=sales.probability, payment=payment)

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        """Whatever is drawn; a rule that declares no lottery is certain of it and moves no generator."""
        return self.odds(bids, budget).draw(generator if hasattr(self, "lottery") else None)
