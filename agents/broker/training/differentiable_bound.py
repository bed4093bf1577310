"""The error bound of what was bought, as training needs it: with a slope also for owners who sold nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.broker.aggregation import optimum


def bound_of_purchases(precision: Tensor, share: Tensor) -> Tensor:
    """Error bound ``[B]`` at the optimal weights, for L = 1; infinite where nobody sells.

    With r = 1 / variance the slopes are dERR/dr = -(l / r)^2 and dERR/dw = 2 (l / r - b). In this form they extend to
    an owner who sells nothing, l / r being a for whoever starts from nothing: what a first purchase from her would be
    worth. The slopes in the variance itself cannot say that, since her variance is infinite.

    Parameters
    ----------
    precision : float64[B, n]
        1 / variance of each upload, 0 where nothing is bought.
    share : float64[B, n]
        Records bought over the records of all bidders.
    """
    bound: Tensor = _BoundOfPurchases.apply(precision, share)  # type: ignore[no-untyped-call]
    return bound


class _BoundOfPurchases(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, precision: Tensor, share: Tensor) -> Tensor:
        sells = (precision > 0) & (share > 0)  # [batch, owner]
        share = torch.where(sells, share, 0.0)
        variance = torch.where(sells, 1 / precision, torch.inf)
        weights, cut = optimum(variance, share, 1.0)
        ratio = torch.where(sells, weights / torch.where(sells, precision, 1.0), torch.inf)
        # Somebody is always lifted, and all others have larger ratios.
        lifted = ratio.amin(-1, keepdim=True)
        valid = sells.any(-1)
        ratio = torch.where(sells, ratio, lifted)
        ctx.save_for_backward(torch.where(valid[:, None], ratio, 0.0), torch.where(valid, cut, 0.0), valid)
        bias = (1 - share.sum(-1)).clamp(min=0) + (weights - share).abs().sum(-1)
        noise = (torch.where(sells, ratio, 0.0) * weights).sum(-1)
        return torch.where(valid, noise + bias * bias, torch.inf)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        ratio, cut, valid = ctx.saved_tensors
        outer = torch.where(valid, gradient, 0.0)[:, None]
        return -outer * ratio * ratio, 2 * outer * (ratio - cut[:, None])
