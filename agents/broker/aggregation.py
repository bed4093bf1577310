"""Weights for the uploads of one round: OptAggr, ConvlAggr and VarOpt, by name.

Source: FL-Market, section IV. The bound that the weights are judged by stands in ``agents.broker.error_bound``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agents.broker.error_bound import certain_share, checked_terms, error_bound, sells_anything
from agents.broker.optimal_weights import optimal_error_bound, optimal_weights, optimum, unchecked_error_bound

__all__ = [
    "AGGREGATIONS",
    "certain_share",
    "conventional_weights",
    "error_bound",
    "optimal_error_bound",
    "optimal_weights",
    "optimum",
    "unchecked_error_bound",
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
