"""The two networks behind RegretNet, M-RegretNet and DM-RegretNet, and what they are told.

One network says how much each owner should sell, the other which share of the budget it is worth. Both see the whole
market: for every owner her reported cost of a record at the levels k/M of her privacy budget, that privacy budget and
her data size, and the budget per record on offer. Quantities are in the prior's public units and enter as logarithms,
scale and all: nothing is normalised by the batch or by this round's bids.

Source: FL-Market, section V-C (two tanh networks, three hidden layers of 100).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agents.broker.auctions.parts.batch_invariant import batch_invariant, row_by_row

HIDDEN_LAYERS = 3
FACTS = 4
"""Facts per owner beside her costs: privacy budget, data size, share of all data, presence."""
_MIN_INPUT, _MAX_INPUT = 1e-3, 1e4
"""Range of what the networks tell apart, in public units."""


@dataclass(frozen=True)
class Reports:
    """What the owners of a batch of markets say, in public units, at the levels they can sell at.

    Parameters
    ----------
    value : float64[B, n, M]
        Reported money per record at the privacy losses ``cap * k / M``, k = 1 to M; infinite where not for sale.
    cap, size : float64[B, n]
        Reported privacy budget and data size; an owner who offers neither is absent.
    budget : float64[B]
    """

    value: Tensor
    cap: Tensor
    size: Tensor
    budget: Tensor

    @property
    def present(self) -> Tensor:
        """``bool[B, n]``: who offers anything."""
        return (self.size > 0) & (self.cap > 0)

    @property
    def levels(self) -> int:
        """M, the number of levels besides nothing."""
        return self.value.shape[-1]

    def order(self) -> Tensor:
        """Who comes first in a list, ``int64[B, n]``: the largest data set, equal ones as bid, and the absent last."""
        return torch.where(self.present, self.size, 0.0).argsort(dim=-1, descending=True, stable=True)

    def listed(self, order: Tensor, owners: int) -> Reports:
        """The first ``owners`` in ``order``, absent ones added if there are fewer.

        What the networks and their rule add up then never depends on how many absent owners were in the bids.
        """
        order = order[:, :owners]  # [batch, place]
        missing = owners - order.shape[1]
        value = self.value.gather(1, order[..., None].expand(-1, -1, self.levels))
        cap, size = (nn.functional.pad(part.gather(1, order), (0, missing)) for part in (self.cap, self.size))
        return Reports(nn.functional.pad(value, (0, 0, 0, missing)), cap, size, self.budget)

    def loss(self) -> Tensor:
        """Privacy losses ``[B, n, M + 1]``: the grid on which the auction is trained and on which it deals."""
        return grid(self.cap, self.levels)

    def cost(self) -> Tensor:
        """Reported cost ``[B, n, M + 1]`` of selling everything at each level; nothing costs nothing."""
        return nn.functional.pad(self.value, (1, 0)) * self.size[..., None]


def grid(cap: Tensor, levels: int) -> Tensor:
    """Privacy losses ``[..., M + 1]`` an owner can be asked for: k/M of her privacy budget, k = 0 to M."""
    return cap[..., None] * (torch.arange(levels + 1, dtype=cap.dtype, device=cap.device) / levels)


class AllocationNetwork(nn.Module):
    """Scores of the M + 1 outcomes of every owner, and scores of the claims on the budget.

    Owners are listed from the largest data set to the smallest, so that who is who in the list means something. Equal
    data sets stand in the order of the bids, which moves outcomes only there; absent owners come last and are no input.

    The allocation network is told everything. The payment network is not told what anybody says her privacy costs: a
    claim that follows the asking price of whoever is paid it invites lies.

    Parameters
    ----------
    owners : int
        Most owners of a market.
    levels : int
        M: privacy losses on sale besides nothing.
    width : int
        Units of each of the three hidden layers.

    Attributes
    ----------
    tariff : float32[3]
        Logarithm of the money per privacy on offer: a constant, and powers of the budget over all privacy on offer
        and over that of the others.
    steepness : float32
        Logarithm of the weight of an owner's own interest in the scores.
    """

    def __init__(self, owners: int, levels: int, width: int) -> None:
        super().__init__()
        self.owners, self.levels, self.width = owners, levels, width
        self.allocation = _tanh_network(owners * (levels + FACTS) + 1, width, owners * (levels + 1))
        self.payment = _tanh_network(owners * FACTS + 1, width, owners)
        self.tariff = nn.Parameter(torch.tensor([0.0, 0.2, 0.2]))
        self.steepness = nn.Parameter(torch.tensor(1.5))

    def forward(self, reports: Reports) -> tuple[Tensor, Tensor]:
        """Answers per outcome ``[B, n, M + 1]`` and per claim ``[B, n]``, of the reports' dtype; 0 for the absent."""
        order = reports.order()  # [batch, place]
        facts, rate = self._facts(reports.listed(order, self.owners))  # [batch, place, level + 4], [batch, 1]
        costs_and_facts = torch.cat([facts.flatten(1), rate], dim=-1)
        outcome = self._through(self.allocation, costs_and_facts).to(reports.size)
        outcome = outcome.view(len(order), self.owners, self.levels + 1)
        # The payment network sees the same without what anybody asks for.
        facts_alone = torch.cat([facts[..., self.levels :].flatten(1), rate], dim=-1)
        claim = self._through(self.payment, facts_alone).to(reports.size)  # [batch, place]
        # Back from places in the list to owners; absent ones may stand beyond its end.
        place = order.argsort(dim=-1).clamp(max=self.owners - 1)
        outcome = outcome.gather(1, place[..., None].expand(-1, -1, self.levels + 1))
        return outcome * reports.present[..., None], claim.gather(1, place) * reports.present

    def _facts(self, reports: Reports) -> tuple[Tensor, Tensor]:
        """What is said of each owner ``float32[B, owners, M + 4]`` (0 for nobody), and of the budget ``[B, 1]``."""
        present = reports.present
        size = torch.where(present, reports.size, 0.0)
        everything = size.sum(-1, keepdim=True)
        everything = torch.where(everything > 0, everything, 1.0)
        facts = torch.stack([reports.cap, size, size / everything], dim=-1)  # [batch, place, 3]
        facts = batch_invariant(torch.log, torch.cat([reports.value, facts], dim=-1).clamp(_MIN_INPUT, _MAX_INPUT))
        facts = torch.cat([facts, torch.ones_like(facts[..., :1])], dim=-1) * present[..., None]
        rate = batch_invariant(torch.log, (reports.budget[:, None] / everything).clamp(_MIN_INPUT, _MAX_INPUT))
        return facts.float(), rate.float()

    def _through(self, layers: nn.Sequential, inputs: Tensor) -> Tensor:
        """Through one network; when deployed, with bits that do not depend on the other rows of the batch."""
        if self.training:
            output: Tensor = layers(inputs)
            return output
        return row_by_row(layers, inputs, 1)


def _tanh_network(inputs: int, width: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in range(HIDDEN_LAYERS):
        layers += [nn.Linear(width if layer else inputs, width), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))
