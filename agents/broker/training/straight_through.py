"""Favourite offers with a gradient: everybody takes her favourite, gradients see a softmax over all offers instead.

Written out by hand, because it is most of the work of training an ascending menu: what automatic differentiation would
make of the same formulas takes more than twice as long.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

NEVER = 1e9
"""Cost of a record, in public units, at which nobody sells: finite, so that it drops out of every product."""

_MIN_LOG_ODDS = -60.0
"""Least logarithm of an odds that a softmax sees: exp of less is so small that processors are slow with it."""


def straight_through_choice(
    price: Tensor, wanted: Tensor, size: Tensor, cost: Tensor, loss_squared: Tensor, unit: float, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """What owners sell who are offered the same lists: (privacy loss squared, records, payment), ``float32[B, M]``.

    With records r = min(wanted, size), rounded down to whole ones, and utility u = r (price - cost), the offer of the
    largest u is taken, none if there is no positive one. In gradients the choice is softmax(u / size / temperature)
    over all offers of at least one record and none, and r is not rounded.

    Parameters
    ----------
    price, wanted : float32[B, K]
        Of a record, and most records bought, in public units.
    size : float32[B, M]
        Of the owners, in public units; positive.
    cost : float32[B, M, K]
        Of a record, ``NEVER`` where she does not sell.
    loss_squared : float32[K]
    unit : float
        Records of a public unit.
    temperature : float
        In utility per record.
    """
    loss, sold, paid = _Choice.apply(price, wanted, size, cost, loss_squared, unit, temperature)  # type: ignore[no-untyped-call]
    return loss, sold, paid


class _Choice(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        price: Tensor,
        wanted: Tensor,
        size: Tensor,
        cost: Tensor,
        loss_squared: Tensor,
        unit: float,
        temperature: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        records = torch.minimum(wanted[:, None], size[..., None])  # [batch, member, offer]
        records = records.mul_(unit).add_(1e-5).floor_()
        nothing = (1 - records).clamp_(min=0)
        records.div_(unit)
        margin = price[:, None] - cost
        utility = (records * margin).sub_(nothing.mul_(NEVER))
        best, offer = utility.max(dim=-1)
        takes = (best > 0).to(price.dtype)
        there = offer[..., None]
        price_there = price[:, None].expand(utility.shape).gather(-1, there)[..., 0]
        records_there = records.gather(-1, there)[..., 0]
        sold = takes * records_there
        ctx.save_for_backward(
            price, wanted, size, loss_squared, records, margin, utility, best, there, takes, price_there
        )
        ctx.temperature = temperature
        return takes * loss_squared[offer], sold, sold * price_there

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_loss: Tensor, of_sold: Tensor, of_paid: Tensor) -> tuple[Tensor | None, ...]:
        price, wanted, size, loss_squared, records, margin, utility, best, there, takes, price_there = ctx.saved_tensors
        scale = 1 / (size * ctx.temperature)  # [batch, member]
        highest = best.clamp(min=0) * scale
        soft = (utility * scale[..., None]).sub_(highest[..., None]).clamp_(min=_MIN_LOG_ODDS).exp_()
        soft /= soft.sum(-1, keepdim=True) + (-highest)[..., None].exp()
        # What an offer is worth to the loss function, weighted by how likely it is taken.
        worth = (price[:, None] * of_paid[..., None]).add_(of_sold[..., None]).mul_(records)
        worth.addcmul_(of_loss[..., None].expand(worth.shape), loss_squared.expand(worth.shape)).mul_(soft)
        of_utility = worth.sub_(soft.mul_(worth.sum(-1, keepdim=True))).mul_(scale[..., None])
        of_price, of_records = of_utility * records, of_utility.mul_(margin)
        # And of the offer that is taken, through its price and records.
        taken = (takes * of_paid * records.gather(-1, there)[..., 0])[..., None]
        of_price.scatter_add_(-1, there, taken)
        of_records.scatter_add_(-1, there, (takes * (of_sold + of_paid * price_there))[..., None])
        # Masks of bool are slow: what is wanted counts where it is less than all she has.
        of_wanted = of_records.mul_((size[..., None] - wanted[:, None]).sign_().clamp_(min=0))
        return of_price.sum(1), of_wanted.sum(1), None, None, None, None, None
