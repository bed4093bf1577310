"""Owners' gradients of any module of torch: every record's own, by ``torch.func``, some thousands at a time.

A record's gradient has to be known by itself to be clipped, and to be left out where it is not finite. Owners are not
looped over: records of all of them stand in one batch, and chunks of it bound the memory whatever is bought.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy

from agents.models.module import ModuleModel

NUMBERS_AT_ONCE = 2**21
"""Entries of the gradients of a chunk: 8 MB, which is fastest, and little beside an owner's gradient each."""

RECORDS_AT_ONCE = 1024
"""Records of a chunk at most: a small model may have large activations."""


def module_means(
    model: ModuleModel,
    parameters: Tensor,
    features: Tensor,
    labels: Tensor,
    bidder_of_row: Tensor,
    count: Tensor,
    *,
    record_norm: float | None,
    norm_order: int,
    numbers_at_once: int = NUMBERS_AT_ONCE,
) -> tuple[Tensor, Tensor]:
    """Mean gradient of every bidder, and which records have none that is finite.

    Parameters
    ----------
    model : ModuleModel
    parameters : float[p]
    features, labels : float32[r, F], int64[r]
        Records used, of all bidders together.
    bidder_of_row : int64[r]
        The bidder of each, ascending.
    count : int64[m]
        Records of every bidder.
    record_norm : float, optional
        Every record's gradient is first scaled down to this norm where it is longer.
    norm_order : {1, 2}
        Of that norm.
    numbers_at_once : int
        How many entries of gradients are held at a time; it changes results by rounding only.

    Returns
    -------
    (mean float32[m, p], usable bool[r])
        A record that is not usable adds zero to the mean of all.
    """

    def loss(named: dict[str, Tensor], record: Tensor, label: Tensor) -> Tensor:
        return cross_entropy(model.call(named, record[None]), label[None])

    named, gradients = model.named(parameters), vmap(grad(loss), in_dims=(None, 0, 0))
    mean = torch.zeros(len(count), model.dimension)  # [m, p]
    usable = torch.ones(len(labels), dtype=torch.bool)
    at_once = min(max(numbers_at_once // model.dimension, 1), RECORDS_AT_ONCE)
    for first in range(0, len(labels), at_once):
        some = slice(first, first + at_once)
        parts = gradients(named, model.inputs(features[some]), labels[some])
        gradient = torch.cat([part.flatten(1) for part in parts.values()], dim=1)  # [c, p]
        norm = gradient.norm(p=norm_order, dim=1)
        usable[some] = torch.isfinite(norm)
        if not bool(usable[some].all()):
            gradient, norm = gradient.where(usable[some, None], 0.0), norm.where(usable[some], 0.0)
        # Dividing first keeps the sum of finite gradients finite.
        scale = 1 / count[bidder_of_row[some]]
        if record_norm is not None:
            scale = scale * (record_norm / norm.clamp(min=record_norm))
        mean.index_add_(0, bidder_of_row[some], gradient.mul_(scale[:, None]))
    return mean, usable
