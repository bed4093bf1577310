"""Owners' gradients of softmax regression, in closed form.

A record's gradient is the outer product of its features and its residual, so that its norm is known without forming
it and clipping every record costs one factor per record.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.models.softmax import SoftmaxRegression, residuals


def softmax_means(
    model: SoftmaxRegression,
    parameters: Tensor,
    features: Tensor,
    labels: Tensor,
    bidder_of_row: Tensor,
    count: Tensor,
    *,
    record_norm: float | None,
    norm_order: int,
) -> tuple[Tensor, Tensor]:
    """Mean gradient of every bidder, and which records have none that is finite: as ``module_means`` does it.

    Everything per record is one batch over all bidders; only the last product runs bidder by bidder, which padding
    to one batched product, or adding up outer products, does not beat.
    """
    residual = residuals(parameters, features, labels)  # [r, C]
    # The norm of an outer product is the product of the norms, in L1 and in L2.
    norm = features.norm(p=norm_order, dim=1) * residual.norm(p=norm_order, dim=1)  # [r]
    usable = torch.isfinite(norm)
    if not bool(usable.all()):
        features, residual = features.where(usable[:, None], 0.0), residual.where(usable[:, None], 0.0)
        norm = norm.where(usable, 0.0)
    if record_norm is not None:
        residual *= (record_norm / norm.clamp(min=record_norm))[:, None]
    # Dividing first keeps the sum of finite gradients finite.
    residual /= count.clamp(min=1)[bidder_of_row][:, None]
    mean = torch.zeros(len(count), features.shape[1], model.classes)  # [m, F, C]
    stops = count.cumsum(0).tolist()
    for bidder, (start, stop) in enumerate(zip([0, *stops], stops, strict=False)):
        torch.mm(features[start:stop].T, residual[start:stop], out=mean[bidder])
    return mean.view(len(count), -1), usable
