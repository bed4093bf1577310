"""OptAggr: the weights of least error bound, exactly, by one sort per row, and the bound's gradients.

The exact minimiser and its gradients are our own (the bound is FL-Market's, eq. 6). In the words of
``agents.broker.error_bound``: for two numbers 0 < a <= b,

    l = max(a / c, min(w, b / c)),    dERR/dc = l^2,    dERR/dw = 2 (c l - b).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.broker.error_bound import bound_of, checked_terms, sells_anything


def optimal_weights(variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Weights that minimise ``error_bound``, exactly (OptAggr), by one sort per row.

    Parameters
    ----------
    variance : float64[B, n]
        Declared noise variance of each upload, ``inf`` where nothing is bought.
    share : float64[B, n]
        Records bought over the records of all bidders; need not sum to 1. Whoever has share 0 sells nothing.
    bias_scale : float
        Norm L to which gradients are clipped; 0 leaves only the noise to be minimised.

    Returns
    -------
    float64[B, n]
        Nonnegative, 0 where nothing is bought, summing to 1; all 0 in a row without seller.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value and the remedy.
    """
    return optimum(*checked_terms(variance, share, bias_scale))[0]


def optimal_error_bound(variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Error bound at the optimal weights, differentiable in ``variance`` and ``share``.

    Parameters
    ----------
    variance, share : float64[B, n]
        As for ``optimal_weights``; may require gradients.
    bias_scale : float
        Norm L to which gradients are clipped.

    Returns
    -------
    float64[B]
        Infinite in a row without seller. Gradients are exact with ``off = 1 - sum share`` moving along, and 0 for
        everybody who sells nothing: the bound does not depend on a share where the variance is infinite, and jumps
        (has no slope) where a first record is bought.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value and the remedy.
    """
    checked_variance, checked_share, scale = checked_terms(variance, share, bias_scale)
    return unchecked_error_bound(
        variance if isinstance(variance, Tensor) else checked_variance,
        share if isinstance(share, Tensor) else checked_share,
        scale,
    )


def unchecked_error_bound(variance: Tensor, share: Tensor, bias_scale: float = 1.0) -> Tensor:
    """``optimal_error_bound`` for the inner loops of training and search: the caller vouches for the input."""
    bound: Tensor = _OptimalErrorBound.apply(variance, share, bias_scale)  # type: ignore[no-untyped-call]
    return bound


class _OptimalErrorBound(torch.autograd.Function):
    """The value function of OptAggr; its gradients follow from the envelope theorem."""

    @staticmethod
    def forward(ctx: Any, variance: Tensor, share: Tensor, bias_scale: float) -> Tensor:
        weights, cut = optimum(variance, share, bias_scale)
        ctx.save_for_backward(variance, share, weights, cut)
        return bound_of(weights, variance, share, bias_scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        variance, share, weights, cut = ctx.saved_tensors
        # An infinite bound is constant: whatever flows into it (nan where its logarithm was taken) ends here.
        outer = torch.where(cut > 0, gradient, 0.0)[..., None]
        by_share = torch.where(sells_anything(variance, share), 2 * (variance * weights - cut[..., None]), 0.0)
        return outer * weights * weights, outer * by_share, None


def optimum(variance: Tensor, share: Tensor, bias_scale: float) -> tuple[Tensor, Tensor]:
    """Optimal weights ``[B, n]`` and the number b ``[B]`` at which weights are cut, 0 in a row without seller.

    For inner loops: the caller vouches for the input, as in ``unchecked_error_bound``.
    """
    if variance.shape[-1] == 0:
        return torch.zeros_like(variance), variance.sum(-1)
    kappa = 4 * bias_scale * bias_scale
    sells = sells_anything(variance, share)  # [batch, owner]
    precision = torch.where(sells, 1 / variance, 0.0)
    share = torch.where(sells, share, 0.0)
    off = (1 - share.sum(-1, keepdim=True)).clamp(min=0)
    # Who sells nothing is put beside the last seller, where without precision or share she changes nothing.
    kink = torch.where(sells, variance * share, -1.0)
    kink = torch.where(sells, kink, kink.amax(-1, keepdim=True).clamp(min=0))

    # By kink r = c w, at which an owner's weight is her share: whose kink is below a is lifted to a / c, whose kink is
    # above b is cut to b / c. Sorted: [batch, place].
    r, order = kink.sort(dim=-1)
    q, w = precision.gather(-1, order), share.gather(-1, order)
    count = r.shape[-1]
    below_q, below_w = q.cumsum(-1), w.cumsum(-1)
    above_q, above_w = _suffix_sums(q), _suffix_sums(w)  # [batch, place + 1]
    gap = r.diff(dim=-1)  # [batch, place - 1]
    # Mass added where the level a stands at the k-th kink, and mass removed where the level b does.
    lifted = _padded((gap * below_q[..., :-1]).cumsum(-1), left=1)
    cut_off = _padded(_suffix_sums(gap * above_q[..., 1:-1]), right=1)
    r_next = _padded(r, right=1)

    # Mass lifted less mass missing, were the last owner lifted the k-th: its sign says how many are lifted.
    # The first-order condition couples the levels: b = a + kappa times the mass lifted.
    level = r + kappa * lifted
    first_cut = torch.searchsorted(r, level, right=True)
    missing = cut_off.gather(-1, first_cut) + (r_next.gather(-1, first_cut) - level) * above_q.gather(-1, first_cut)
    lifts = (lifted - off - missing < 0).sum(-1, keepdim=True).clamp(min=1)

    last = lifts - 1  # [batch, 1]
    q_low, w_low = below_q.gather(-1, last), below_w.gather(-1, last)
    # The mass lifted if b stood at each kink: where it falls short of what is missing there, that kink is below b.
    mass = (lifted.gather(-1, last) + (r - r.gather(-1, last)) * q_low) / (1 + kappa * q_low)
    place = torch.arange(count, device=r.device)
    keeps = lifts + ((mass - off - cut_off[..., :-1] <= 0) & (place >= lifts)).sum(-1, keepdim=True)
    q_high, w_high = above_q.gather(-1, keeps), above_w.gather(-1, keeps)

    # Who is lifted and who is cut is known: two linear equations are left, that weights sum to 1 and the one above.
    total = off + w_low + w_high
    scale = q_low + q_high + kappa * q_low * q_high
    valid = scale > 0
    scale = torch.where(valid, scale, 1.0)
    a = torch.where(valid, (total + kappa * q_high * w_low) / scale, 0.0)
    b = torch.where(valid, (total + kappa * q_low * (off + w_high)) / scale, 0.0)
    weights = torch.maximum(a * precision, torch.minimum(share, b * precision))
    return weights, b[..., 0]


def _suffix_sums(values: Tensor) -> Tensor:
    """Sums ``[..., n + 1]`` of all from a place on; by adding, never by subtracting from the total."""
    return _padded(values.flip(-1).cumsum(-1).flip(-1), right=1)


def _padded(values: Tensor, left: int = 0, right: int = 0) -> Tensor:
    return torch.nn.functional.pad(values, (left, right))
