"""Local gradients of all winners at once, on the records bought, clipped as the market says.

Source: FL-Market, section III-A (clipping of the mean); clipping of every record makes the reported error bound a true
one (see ``agents.upload_terms``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, number, one_of, whole
from agents.models.base import Model
from agents.models.module import ModuleModel
from agents.models.softmax import SoftmaxRegression, softmax_regression
from agents.owner.module_gradients import module_means
from agents.owner.softmax_gradients import softmax_means
from agents.tasks.base import Task
from agents.upload_terms import CLIPS


@dataclass(frozen=True, eq=False)
class LocalGradients:
    """What each bidder's records say before noise is added.

    Parameters
    ----------
    gradient : float32[m, p]
        Finite, of norm at most the clipping radius; zeros for who has no usable record.
    unusable : int64[m]
        Records whose gradient is not finite. They add zero to the mean of all that were bought.
    """

    gradient: Tensor
    unusable: Tensor


def local_gradients(
    task: Task,
    parameters: Tensor,
    rows: Tensor,
    bidder_of_row: Tensor,
    bidders: int,
    *,
    model: Model | None = None,
    clip: str = "record",
    clip_norm: float = 1.0,
    norm_order: int = 2,
) -> LocalGradients:
    """Mean gradient of the loss over each bidder's records, of norm at most ``clip_norm``.

    No record ends a round: one whose gradient is not finite (its features overflow under the model announced) counts
    as a gradient of zero.

    Parameters
    ----------
    task : Task
    parameters : float[p]
        The model announced.
    rows : int64[r]
        Records used, of all bidders together.
    bidder_of_row : int64[r]
        The bidder of each, in ascending order (as ``draw_records`` gives them).
    bidders : int
        m, how many gradients there are; who has no records gets zeros.
    model : Model, optional
        The family of models, ``SoftmaxRegression`` (the default) or a ``ModuleModel``.
    clip : {"record", "owner", "direction"}
        ``record`` scales every record's gradient g by min(1, clip_norm / ||g||) before averaging; ``owner`` does so
        with the mean (the paper's way); ``direction`` scales the mean by clip_norm / ||mean||, up or down. A mean of
        zero has no direction and stays zero, which the perturbation hides like any other input.
    clip_norm : float
        Radius L.
    norm_order : {1, 2}
        Norm that is clipped, as the perturbation asks (``Perturbation.norm``).

    Returns
    -------
    LocalGradients

    Raises
    ------
    TypeError, ValueError
        For arguments out of range or shapes that do not match.
    """
    one_of("clip", clip, CLIPS)
    number("clip_norm", clip_norm, above=0.0)
    whole("norm_order", norm_order, minimum=1, maximum=2)
    whole("bidders", bidders)
    bidder_of_row = count_array("bidder_of_row", bidder_of_row, shape=(len(rows),))
    if len(rows) and (int(bidder_of_row[-1]) >= bidders or bool((bidder_of_row.diff() < 0).any())):
        raise ValueError(f"bidder_of_row: pass numbers from 0 to {bidders - 1} in ascending order")
    model = model or softmax_regression(task)
    features, labels = task.records(rows)  # [r, F], [r]
    count = bidder_of_row.bincount(minlength=bidders)
    chosen: dict[str, Any] = {"record_norm": clip_norm if clip == "record" else None, "norm_order": norm_order}
    if isinstance(model, SoftmaxRegression):
        gradient, usable = softmax_means(model, parameters, features, labels, bidder_of_row, count, **chosen)
    elif isinstance(model, ModuleModel):
        gradient, usable = module_means(model, parameters, features, labels, bidder_of_row, count, **chosen)
    else:
        raise TypeError(f"model is a {type(model).__name__}: pass what load_model returns")
    if clip != "record":
        gradient = _scaled(gradient, clip_norm, norm_order, lengthen=clip == "direction")
    return LocalGradients(gradient, (~usable).long().new_zeros(bidders).index_add(0, bidder_of_row, (~usable).long()))


def _scaled(mean: Tensor, clip_norm: float, norm_order: int, *, lengthen: bool) -> Tensor:
    """Rows ``[m, p]`` shortened to ``clip_norm``, and lengthened to it if asked; rows of zeros stay."""
    # Largest entry 1 first: squares of very small or very large entries would vanish or overflow.
    largest = mean.abs().amax(dim=1, keepdim=True)
    direction = mean / largest.where(largest > 0, 1.0)
    norm = direction.norm(p=norm_order, dim=1, keepdim=True)  # at least 1, or 0
    to_radius = clip_norm / norm.where(norm > 0, 1.0)
    return direction * (to_radius if lengthen else torch.minimum(to_radius, largest))
