"""The network behind the equivariant menu: from what the others offer to the price list an owner gets.

It treats all owners alike and serves any number of them: every other owner is described by a vector, the vectors are
added up, and the sums are read. They leave her out: of what she says only her data size reaches her own list, and
only data sizes reach any list of the first pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agents.broker.auctions.parts.batch_invariant import batch_invariant, row_by_row

_LOG_OFFSET = 1e-3
"""Added before a logarithm is taken or a quotient: nothing is a finite input."""
_STEP = 2.0**-16
"""Sums are taken of whole multiples of this, and so are the same bits in whatever order, and less any one of them."""
_MAX_SIZE = 2.0**16
_MAX_VECTOR = 15.0
_MAX_LOG_PRICE, _MAX_LOG_WEIGHT = 6.0, 8.0
_TILE = 16
_PUBLIC, _FACTS, _TENTATIVE, _TENTATIVE_FACTS = 3, 2, 4, 5


@dataclass(frozen=True)
class Market:
    """Reported sizes and the budget, in public units.

    Parameters
    ----------
    size : Tensor[B, n]
        0 for absent owners.
    budget : Tensor[B]
    """

    size: Tensor
    budget: Tensor

    @property
    def present(self) -> Tensor:
        """``[B, n]`` as numbers 0 and 1."""
        return (self.size > 0).to(self.size.dtype)


@dataclass(frozen=True)
class Purchases:
    """What a pass bought, in public units: the precision ``[B, n]`` of uploads, records and money."""

    precision: Tensor
    records: Tensor
    payment: Tensor

    def detached(self) -> Purchases:
        """Detached: prices are not trained through what they are informed of (training through both ends higher)."""
        return Purchases(self.precision.detach(), self.records.detach(), self.payment.detach())


@dataclass(frozen=True)
class PriceLists:
    """Everybody's price list.

    Parameters
    ----------
    price : Tensor[B, n, K]
        Public money per record.
    cap : Tensor[B, n, K]
        Most money for an owner at a level, as a share of the budget.
    weight : Tensor[B, n]
        What her claim to a scarce budget is proportional to.
    """

    price: Tensor
    cap: Tensor
    weight: Tensor


class ListNetwork(nn.Module):
    """One pass: everybody's offers from the others' data sizes and, after the first pass, what was bought of them.

    Parameters
    ----------
    usual_price : float[K]
        Public guess of the cost of a record at each level, in public units; the network learns a factor on it.
    summary : int
        Length of the vectors that are added up.
    width : int
        Units of the hidden layers.
    informed : bool
        Whether it sees the purchases of a pass before.
    """

    usual_price: Tensor

    def __init__(self, usual_price: Tensor, summary: int, width: int, *, informed: bool) -> None:
        super().__init__()
        self.informed = informed
        self.register_buffer("usual_price", usual_price.double().clone())
        known = _PUBLIC + 1 + _TENTATIVE * informed
        read = 2 * summary + 1 + _PUBLIC + _FACTS + _TENTATIVE_FACTS * informed
        self.describe = nn.Sequential(nn.Linear(known, summary), nn.SiLU(), nn.Linear(summary, 2 * summary))
        self.body = nn.Sequential(nn.Linear(read, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.head = nn.Linear(width, 2 * len(usual_price) + 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, market: Market, purchases: Purchases | None = None) -> PriceLists:
        """Offers of everybody in the market."""
        size, money = market.size, market.budget[:, None]  # [batch, owner], [batch, 1]
        here, weight = market.present, market.size.clamp(max=_MAX_SIZE)
        count = here.sum(-1, keepdim=True).clamp(min=1)
        logs = _log(money), batch_invariant(torch.log, count), _log(money / count)
        public = torch.stack([part.expand(size.shape) for part in logs], -1)  # [batch, owner, 3]
        known, sums, unit = [_log(size)], [weight], torch.where(money > 0, money, 1.0)
        if purchases is not None:
            spent = torch.where(money > 0, purchases.payment / unit, 0.0)
            sold = purchases.records / torch.where(size > 0, size, 1.0)
            known += [(purchases.precision + 1e-4).sqrt(), sold, _log(purchases.payment), spent]
            sums += [purchases.records.clamp(max=_MAX_SIZE), spent, purchases.precision]
        vectors = self._read(self.describe, torch.cat([torch.stack(known, -1), public], -1), size)
        # Bounded, so that the sums of however many of them stay exact.
        vectors = vectors.clamp(-_MAX_VECTOR, _MAX_VECTOR)
        equal, heavy = vectors.chunk(2, -1)  # [batch, owner, summary] each: every owner counts alike, or by her size
        others = self._sum_of_others(torch.stack(sums, -1).to(size.dtype)).clamp(min=0)  # [batch, owner, sum]
        size_of_others = others[..., :1]
        mean = self._sum_of_others(equal * here[..., None]) / (count - 1).clamp(min=1)[..., None]
        heavy_mean = self._sum_of_others(heavy * weight[..., None]) / (size_of_others + _LOG_OFFSET)
        facts = [_log(size_of_others), _log(money[..., None] / (size_of_others + _LOG_OFFSET))]  # [batch, owner, 1]
        if purchases is not None:
            left = (1 - others[..., 2:3]).clamp(min=0)
            facts += [_log(others[..., 1:2]), _log(left * money[..., None]), left]
            facts += [_log(others[..., 3:4]), others[..., 1:2] / (size_of_others + _LOG_OFFSET)]
        features = torch.cat([mean, heavy_mean, *facts, public, _log(size)[..., None]], -1)
        return self._lists(self._read(nn.Sequential(*self.body, self.head), features, size))

    def _lists(self, out: Tensor) -> PriceLists:
        """Price lists from the network's answers ``[B, n, 2 K + 1]``."""
        levels = len(self.usual_price)
        log_price, cap, log_weight = torch.split(out, [levels, levels, 1], dim=-1)
        log_price = log_price.clamp(-_MAX_LOG_PRICE, _MAX_LOG_PRICE)
        price = self.usual_price.to(out.dtype) * batch_invariant(torch.exp, log_price)
        claim = batch_invariant(torch.exp, log_weight[..., 0].clamp(-_MAX_LOG_WEIGHT, _MAX_LOG_WEIGHT))
        weight = self._whole(claim).clamp(min=_STEP)
        return PriceLists(price=price, cap=batch_invariant(torch.sigmoid, cap - 0.5), weight=weight)

    def _read(self, layers: nn.Sequential, features: Tensor, like: Tensor) -> Tensor:
        """Layers applied to the features of every owner; deployed, the same bits whoever else is there."""
        if self.training:
            return layers(features.float()).to(like.dtype)  # type: ignore[no-any-return]
        out = row_by_row(layers, features.float().flatten(0, 1), _TILE)  # [batch * owner, output]
        return out.reshape(*like.shape, out.shape[-1]).to(like.dtype)

    def _whole(self, numbers: Tensor) -> Tensor:
        return numbers if self.training else (numbers / _STEP).round() * _STEP

    def _sum_of_others(self, parts: Tensor) -> Tensor:
        """Sums ``[B, n, F]`` over all owners but oneself.

        Deployed, all parts are whole multiples of one step and sums below 2^53 of them, in float64: adding in any
        order and taking a part away again are exact, so that this is the sum without her to the last bit.
        """
        whole = self._whole(parts)
        return whole.sum(1, keepdim=True) - whole


class EquivariantNetwork(nn.Module):
    """The passes of the equivariant menu.

    Parameters
    ----------
    levels : float64[K]
        Privacy losses on offer, increasing.
    usual_price : float64[K]
        See ``ListNetwork``.
    summary, width : int
        See ``ListNetwork``.
    """

    levels: Tensor

    def __init__(self, levels: Tensor, usual_price: Tensor, summary: int, width: int) -> None:
        super().__init__()
        self.register_buffer("levels", levels.double())
        self.tentative = ListNetwork(usual_price, summary, width, informed=False)
        self.final = ListNetwork(usual_price, summary, width, informed=True)


def _log(numbers: Tensor) -> Tensor:
    return batch_invariant(torch.log, numbers + _LOG_OFFSET)
