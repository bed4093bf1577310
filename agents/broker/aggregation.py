"""Weights for the uploads of one round: OptAggr, ConvlAggr and VarOpt, by name.

Source: FL-Market, section IV. The bound that the weights are judged by stands in ``agents.broker.error_bound``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agents.broker.error_bound import (
    bought_share,
    certain_share,
    checked_terms,
    counted_share,
    error_bound,
    sells_anything,
)
from agents.broker.optimal_weights import optimal_error_bound, optimal_weights, optimum, unchecked_error_bound
from agents.messages import Outcome
from agents.upload_terms import UploadTerms

__all__ = [
    "AGGREGATIONS",
    "certain_share",
    "conventional_weights",
    "error_bound",
    "optimal_error_bound",
    "optimal_weights",
    "optimum",
    "unchecked_error_bound",
    "upload_weights",
    "variance_weights",
]

Weighting = Callable[..., Tensor]


def conventional_weights(variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Weights proportional to the records bought (ConvlAggr).

    Parameters
    ----------
    variance, share, bias_scale
        As for ``optimal_weights``; of the variance only matters where it is infinite.

    Returns
    -------
    float64[B, n]
        0 where nothing is bought; all 0 in a row without seller.
    """
    variance, share, _ = checked_terms(variance, share, bias_scale)
    return _proportional(torch.where(sells_anything(variance, share), share, 0.0))


def variance_weights(variance: Any, share: Any, bias_scale: float = 1.0) -> Tensor:
    """Weights proportional to 1 / variance (VarOpt).

    Parameters
    ----------
    variance, share, bias_scale
        As for ``optimal_weights``; of the share only matters where it is 0.

    Returns
    -------
    float64[B, n]
        0 where nothing is bought; all 0 in a row without seller.
    """
    variance, share, _ = checked_terms(variance, share, bias_scale)
    return _proportional(torch.where(sells_anything(variance, share), 1 / variance, 0.0))


AGGREGATIONS: dict[str, Weighting] = {
    "optimal": optimal_weights,
    "conventional": conventional_weights,
    "variance": variance_weights,
}
"""Weights ``[B, n]`` by name, each a function of (variance, share, bias_scale=1.0) as ``optimal_weights`` is."""


def _proportional(amount: Tensor) -> Tensor:
    total = amount.sum(-1, keepdim=True)
    return amount / torch.where(total > 0, total, 1.0)


def upload_weights(
    aggregation: str, terms: UploadTerms, outcome: Outcome, data_size: Tensor, variance: Tensor
) -> Tensor:
    """Weights ``float64[B, n]`` of the uploads of an outcome, 0 for whoever sold nothing.

    Parameters
    ----------
    aggregation : str
        One of ``AGGREGATIONS``.
    terms : UploadTerms
    outcome : Outcome [B, n]
    data_size : int64[B, n]
        As reported.
    variance : float64[B, n]
        Of one coordinate, as ``UploadTerms.variance`` declares it for the privacy loss that was sold.
    """
    optimal = aggregation == "optimal"
    share = counted_share(terms, outcome, data_size) if optimal else bought_share(outcome, data_size)
    return AGGREGATIONS[aggregation](terms.coordinates * variance, share, bias_scale=terms.clip_norm)
