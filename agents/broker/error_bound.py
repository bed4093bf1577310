"""The bound on an aggregate's error that weights give, and what may enter it.

With c the declared variance, w the share of all bidders' records that was bought and L the bias scale, the error
bound of weights l is ``sum c l^2 + (L (off + sum |l - w|))^2``, where ``off = 1 - sum w`` counts the records of those
who sell nothing and the unbought part of everybody else's. Source: FL-Market, eq. 6 and section IV.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.checks import count_array, number, real_array
from agents.messages import Outcome
from agents.upload_terms import UploadTerms

SMALLEST_VARIANCE, LARGEST_VARIANCE, LARGEST_BIAS_SCALE = 1e-60, 1e60, 1e30
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
    variance, share, scale = checked_terms(variance, share, bias_scale)
    weights = real_array("weights", weights, shape=tuple(variance.shape))
    sells = sells_anything(variance, share)
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
    return bound_of(weights, variance, share, scale)


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


def bought_share(outcome: Outcome, data_size: Tensor) -> Tensor:
    """Records bought over the records of all bidders ``float64[B, n]``, who hold ``data_size[B, n]``."""
    return outcome.data_size.double() / data_size.sum(-1, keepdim=True).clamp(min=1)


def counted_share(terms: UploadTerms, outcome: Outcome, data_size: Tensor) -> Tensor:
    """Shares ``float64[B, n]`` of which the bound may be certain under the terms of the uploads."""
    if not terms.partial_sales_count:
        return certain_share(outcome.data_size, data_size, data_size.sum(-1))
    return bought_share(outcome, data_size)


def aggregate_error_bound(
    terms: UploadTerms, weights: Tensor, variance: Tensor, outcome: Outcome, data_size: Tensor
) -> Tensor:
    """Error bound ``[B]`` of an aggregate whose bidders hold ``data_size[B, n]``; infinite without seller.

    ``variance[B, n]`` is that of one coordinate, as ``terms.variance`` declares it.
    """
    share = counted_share(terms, outcome, data_size)
    return error_bound(weights, terms.coordinates * variance, share, bias_scale=terms.clip_norm)


def worst_error_bound(terms: UploadTerms, privacy_loss: float) -> float:
    """Error bound of the poorest purchase: one seller without data to speak of, at ``privacy_loss``."""
    variance = float(terms.variance(torch.tensor(privacy_loss, dtype=torch.float64)))
    return terms.coordinates * variance + (2 * terms.clip_norm) ** 2


def bound_of(weights: Tensor, variance: Tensor, share: Tensor, bias_scale: float) -> Tensor:
    """``error_bound`` for inner loops: the caller vouches for the input."""
    sells = sells_anything(variance, share)
    share = torch.where(sells, share, 0.0)
    noise = (torch.where(sells, variance, 0.0) * weights * weights).sum(-1)
    off = (1 - share.sum(-1)).clamp(min=0)
    bias = bias_scale * (off + (weights - share).abs().sum(-1))
    return torch.where(sells.any(-1), noise + bias * bias, torch.inf)


def sells_anything(variance: Tensor, share: Tensor) -> Tensor:
    """Whose upload there is, of the shape of ``variance``: records were bought, at a finite variance."""
    return (share > 0) & (variance < torch.inf)


def checked_terms(variance: Any, share: Any, bias_scale: Any) -> tuple[Tensor, Tensor, float]:
    """Variance, share and bias scale as the closed forms want them, or a refusal with a remedy."""
    variances = _checked_variance(variance)
    shares = real_array("share", share, shape=tuple(variances.shape))
    total = shares.sum(-1)
    if bool((total > 1 + 1e-9).any()):
        row = int((total > 1 + 1e-9).nonzero()[0])
        raise ValueError(
            f"share[{row}] sums to {total[row].item()!r}: divide the records bought by those of all bidders"
        )
    return variances, shares, number("bias_scale", bias_scale, maximum=LARGEST_BIAS_SCALE)


def _checked_variance(value: Any) -> Tensor:
    try:
        array = value.detach() if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise TypeError(f"variance cannot be read as an array ({error}); pass a tensor, array or list") from None
    infinite = torch.isposinf(array)
    finite = real_array("variance", torch.where(infinite, torch.ones_like(array), array), shape=(None, None))
    bad = (finite < SMALLEST_VARIANCE) | (finite > LARGEST_VARIANCE)
    if bool(bad.any()):
        row, owner = (int(i) for i in bad.nonzero()[0])
        raise ValueError(
            f"variance[{row}, {owner}] = {array[row, owner].item()!r}: pass a variance between "
            f"{SMALLEST_VARIANCE:g} and {LARGEST_VARIANCE:g}, or inf for an owner who sells nothing"
        )
    return array
