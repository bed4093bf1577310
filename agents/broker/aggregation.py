"""Weights for the uploads of one round and the bound on the aggregate's error that they give.

With c the declared variance, w the share of all bidders' records that was bought and L the bias scale, the error
bound of weights l is ``sum c l^2 + (L (off + sum |l - w|))^2``, where ``off = 1 - sum w`` counts the records of those
who sell nothing and the unbought part of everybody else's. Source: FL-Market, eq. 6 and section IV; the exact
minimiser (OptAggr) and its gradients are our own: for two numbers 0 < a <= b,

    l = max(a / c, min(w, b / c)),    dERR/dc = l^2,    dERR/dw = 2 (c l - b).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.checks import count_array, number, real_array

Weighting = Callable[..., Tensor]

_SMALLEST, _LARGEST, _LARGEST_BIAS = 1e-60, 1e60, 1e30
"""Between these no product of the closed forms overflows or vanishes."""


def error_bound(weights: Any, variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Bound on the mean squared error of an aggregate.

    Parameters
    ----------
    weights : float64[B, n]
        0 for everybody who sells nothing, summing to 1 over the sellers of a row.
    variance : float64[B, n]
        Declared noise variance of each upload, ``inf`` where nothing is bought.
    share : float64[B, n]
        Records bought over the records of all bidders; ignored (taken as 0) where the variance is infinite.
    bias_scale : float
        Norm L to which gradients are clipped.

    Returns
    -------
    float64[B]
        Infinite in a row without seller.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the value and the remedy.
    """
    variance, share, scale = _checked(variance, share, bias_scale)
    weights = real_array("weights", weights, shape=tuple(variance.shape))
    sells = _sells(variance, share)
    idle = (weights > 0) & ~sells
    if bool(idle.any()):
        row, owner = (int(i) for i in idle.nonzero()[0])
        raise ValueError(
            f"weights[{row}, {owner}] = {weights[row, owner].item()!r}, but this owner sells nothing: pass 0 there"
        )
    total = weights.sum(-1)
    wrong = sells.any(-1) & ((total - 1).abs() > 1e-6)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise ValueError(f"weights[{row}] sums to {total[row].item()!r}: divide the weights of a row by their sum")
    return _bound(weights, variance, share, scale)


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
    return optimum(*_checked(variance, share, bias_scale))[0]


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
    checked_variance, checked_share, scale = _checked(variance, share, bias_scale)
    return unchecked_error_bound(
        variance if isinstance(variance, Tensor) else checked_variance,
        share if isinstance(share, Tensor) else checked_share,
        scale,
    )


def unchecked_error_bound(variance: Tensor, share: Tensor, bias_scale: float = 1.0) -> Tensor:
    """``optimal_error_bound`` for the inner loops of training and search: the caller vouches for the input."""
    bound: Tensor = _OptimalErrorBound.apply(variance, share, bias_scale)  # type: ignore[no-untyped-call]
    return bound


def conventional_weights(records: Any) -> Tensor:
    """Weights ``[B, n]`` proportional to the records bought ``int64[B, n]`` (ConvlAggr); 0 in a row without seller."""
    return _proportional(count_array("records", records, shape=(None, None)).double())


def variance_weights(variance: Any) -> Tensor:
    """Weights ``[B, n]`` proportional to 1 / variance ``float64[B, n]`` (VarOpt); 0 in a row without seller."""
    return _proportional(1 / _checked_variance(variance))


def certain_share(records: Any, data_size: Any, bidders_records: Any) -> Tensor:
    """Shares for which the bound holds although owners clip the mean of their records, not every record.

    The clipped mean of a part says nothing certain about the clipped mean of the whole, however large the part. So
    only who sold everything keeps her share; of whoever sold a part, all she has counts as missing, and her share is
    the smallest positive number, for she does sell. Meant for ``optimal_weights`` and ``error_bound``.

    Parameters
    ----------
    records, data_size : int64[B, n]
        Records bought, and held.
    bidders_records : int64[B]
        Records of all bidders of a row.

    Returns
    -------
    float64[B, n]
    """
    bought = count_array("records", records, shape=(None, None))
    held = count_array("data_size", data_size, shape=tuple(bought.shape))
    total = count_array("bidders_records", bidders_records, shape=(len(bought),))
    if bool((bought > held).any()):
        row, owner = (int(i) for i in (bought > held).nonzero()[0])
        raise ValueError(
            f"records[{row}, {owner}] = {int(bought[row, owner])} exceeds data_size {int(held[row, owner])}: "
            "nobody sells more than she has"
        )
    if bool((held.sum(-1) > total).any()):
        row = int((held.sum(-1) > total).nonzero()[0])
        raise ValueError(
            f"bidders_records[{row}] = {int(total[row])} is less than the sum of data_size, {int(held[row].sum())}: "
            "count every bidder's records"
        )
    whole = bought.double() / total.clamp(min=1)[:, None]
    return torch.where((bought > 0) & (bought < held), torch.finfo(torch.float64).tiny, whole * (bought == held))


def _by_records(variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Weights proportional to the records bought (ConvlAggr)."""
    variance, share, _ = _checked(variance, share, bias_scale)
    return _proportional(torch.where(_sells(variance, share), share, 0.0))


def _by_precision(variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Weights proportional to 1 / variance (VarOpt)."""
    variance, share, _ = _checked(variance, share, bias_scale)
    return _proportional(torch.where(_sells(variance, share), 1 / variance, 0.0))


AGGREGATIONS: dict[str, Weighting] = {
    "optimal": optimal_weights,
    "conventional": _by_records,
    "variance": _by_precision,
}
"""Weights ``[B, n]`` by name, each a function of (variance, share, bias_scale=1.0) as ``optimal_weights`` is."""


class _OptimalErrorBound(torch.autograd.Function):
    """The value function of OptAggr; its gradients follow from the envelope theorem."""

    @staticmethod
    def forward(ctx: Any, variance: Tensor, share: Tensor, bias_scale: float) -> Tensor:
        weights, cut = optimum(variance, share, bias_scale)
        ctx.save_for_backward(variance, share, weights, cut)
        return _bound(weights, variance, share, bias_scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        variance, share, weights, cut = ctx.saved_tensors
        # An infinite bound is constant: whatever flows into it (nan where its logarithm was taken) ends here.
        outer = torch.where(cut > 0, gradient, 0.0)[..., None]
        by_share = torch.where(_sells(variance, share), 2 * (variance * weights - cut[..., None]), 0.0)
        return outer * weights * weights, outer * by_share, None


def optimum(variance: Tensor, share: Tensor, bias_scale: float) -> tuple[Tensor, Tensor]:
    """Optimal weights ``[B, n]`` and the number b ``[B]`` at which weights are cut, 0 in a row without seller.

    For inner loops: the caller vouches for the input, as in ``unchecked_error_bound``.
    """
    if variance.shape[-1] == 0:
        return torch.zeros_like(variance), variance.sum(-1)
    kappa = 4 * bias_scale * bias_scale
    sells = _sells(variance, share)
    precision = torch.where(sells, 1 / variance, 0.0)
    share = torch.where(sells, share, 0.0)
    off = (1 - share.sum(-1, keepdim=True)).clamp(min=0)
    # Who sells nothing is put beside the last seller, where without precision or share she changes nothing.
    kink = torch.where(sells, variance * share, -1.0)
    kink = torch.where(sells, kink, kink.amax(-1, keepdim=True).clamp(min=0))

    r, order = kink.sort(dim=-1)
    q, w = precision.gather(-1, order), share.gather(-1, order)
    count = r.shape[-1]
    below_q, below_w = q.cumsum(-1), w.cumsum(-1)
    above_q, above_w = _suffix_sums(q), _suffix_sums(w)
    gap = r.diff(dim=-1)
    lifted = _padded((gap * below_q[..., :-1]).cumsum(-1), left=1)
    cut_off = _padded(_suffix_sums(gap * above_q[..., 1:-1]), right=1)
    r_next = _padded(r, right=1)

    # Mass lifted less mass missing, were the last owner lifted the k-th: its sign says how many are lifted.
    level = r + kappa * lifted
    first_cut = torch.searchsorted(r, level, right=True)
    missing = cut_off.gather(-1, first_cut) + (r_next.gather(-1, first_cut) - level) * above_q.gather(-1, first_cut)
    lifts = (lifted - off - missing < 0).sum(-1, keepdim=True).clamp(min=1)

    last = lifts - 1
    q_low, w_low = below_q.gather(-1, last), below_w.gather(-1, last)
    mass = (lifted.gather(-1, last) + (r - r.gather(-1, last)) * q_low) / (1 + kappa * q_low)
    place = torch.arange(count, device=r.device)
    keeps = lifts + ((mass - off - cut_off[..., :-1] <= 0) & (place >= lifts)).sum(-1, keepdim=True)
    q_high, w_high = above_q.gather(-1, keeps), above_w.gather(-1, keeps)

    total = off + w_low + w_high
    scale = q_low + q_high + kappa * q_low * q_high
    valid = scale > 0
    scale = torch.where(valid, scale, 1.0)
    a = torch.where(valid, (total + kappa * q_high * w_low) / scale, 0.0)
    b = torch.where(valid, (total + kappa * q_low * (off + w_high)) / scale, 0.0)
    weights = torch.maximum(a * precision, torch.minimum(share, b * precision))
    return weights, b[..., 0]


def _bound(weights: Tensor, variance: Tensor, share: Tensor, bias_scale: float) -> Tensor:
    sells = _sells(variance, share)
    share = torch.where(sells, share, 0.0)
    noise = (torch.where(sells, variance, 0.0) * weights * weights).sum(-1)
    off = (1 - share.sum(-1)).clamp(min=0)
    bias = bias_scale * (off + (weights - share).abs().sum(-1))
    return torch.where(sells.any(-1), noise + bias * bias, torch.inf)


def _sells(variance: Tensor, share: Tensor) -> Tensor:
    return (share > 0) & (variance < torch.inf)


def _suffix_sums(values: Tensor) -> Tensor:
    """Sums ``[..., n + 1]`` of all from a place on; by adding, never by subtracting from the total."""
    return _padded(values.flip(-1).cumsum(-1).flip(-1), right=1)


def _padded(values: Tensor, left: int = 0, right: int = 0) -> Tensor:
    return torch.nn.functional.pad(values, (left, right))


def _proportional(amount: Tensor) -> Tensor:
    total = amount.sum(-1, keepdim=True)
    return amount / torch.where(total > 0, total, 1.0)


def _checked(variance: Any, share: Any, bias_scale: Any) -> tuple[Tensor, Tensor, float]:
    variances = _checked_variance(variance)
    shares = real_array("share", share, shape=tuple(variances.shape))
    total = shares.sum(-1)
    if bool((total > 1 + 1e-9).any()):
        row = int((total > 1 + 1e-9).nonzero()[0])
        raise ValueError(
            f"share[{row}] sums to {total[row].item()!r}: divide the records bought by those of all bidders"
        )
    return variances, shares, number("bias_scale", bias_scale, most=_LARGEST_BIAS)


def _checked_variance(value: Any) -> Tensor:
    try:
        array = value.detach() if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise TypeError(f"variance cannot be read as an array ({error}); pass a tensor, array or list") from None
    infinite = torch.isposinf(array)
    finite = real_array("variance", torch.where(infinite, torch.ones_like(array), array), shape=(None, None))
    bad = (finite < _SMALLEST) | (finite > _LARGEST)
    if bool(bad.any()):
        row, owner = (int(i) for i in bad.nonzero()[0])
        raise ValueError(
            f"variance[{row}, {owner}] = {array[row, owner].item()!r}: pass a variance between {_SMALLEST:g} and "
            f"{_LARGEST:g}, or inf for an owner who sells nothing"
        )
    return array
