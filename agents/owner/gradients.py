"""Local gradients of all winners at once: softmax regression on the records bought, clipped as the market says.

A record's gradient is the outer product of its features and its residual, so that its norm is known without forming
it and clipping every record costs one factor per record. Source: FL-Market, section III-A (clipping of the mean);
clipping of every record makes the reported error bound a true one (see ``agents.upload_terms``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, generator_of, number, one_of, whole
from agents.tasks.base import Task
from agents.tasks.partition import Partition
from agents.tasks.softmax import residuals
from agents.upload_terms import CLIPS


def draw_records(
    partition: Partition, owners: Tensor, counts: Any, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw the records that are used where only part of a data set is bought: uniformly, without replacement.

    What is drawn from ``generator`` depends on ``owners`` alone, not on ``counts``.

    Parameters
    ----------
    partition : Partition
    owners : int64[m]
        The bidders.
    counts : int64[m]
        Records bought of each; 0 for who sells nothing.
    generator : torch.Generator
        Data-split stream.

    Returns
    -------
    (rows int64[r], bidder int64[r])
        Record numbers, and for each the place of its owner in ``owners``, ascending.

    Raises
    ------
    TypeError, ValueError
        If more records are bought than an owner has, or counts are no whole numbers.
    """
    rows, bidder = partition.rows(owners)
    counts = count_array("counts", counts, shape=(len(owners),))
    generator_of("generator", generator)
    size = bidder.bincount(minlength=len(owners))
    if bool((counts > size).any()):
        at = int((counts > size).nonzero()[0])
        raise ValueError(f"counts[{at}] = {int(counts[at])}: owner {int(owners[at])} has {int(size[at])} records")
    key = torch.rand(len(rows), generator=generator, dtype=torch.float64)  # [records of all bidders]
    partly = ((counts > 0) & (counts < size)).index_select(0, bidder)
    used = (counts == size).index_select(0, bidder)
    if bool(partly.any()):
        candidates = partly.nonzero()[:, 0]
        # Bidder by bidder, each one's records in random order; the first so many of each are used.
        shuffled = candidates[(bidder[candidates] + key[candidates]).argsort()]
        holder = bidder[shuffled]
        held = holder.bincount(minlength=len(owners))  # [m]
        rank = torch.arange(len(holder)) - (held.cumsum(0) - held)[holder]
        used[shuffled[rank < counts[holder]]] = True
    return rows[used], bidder[used]


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
    clip: str = "record",
    clip_norm: float = 1.0,
    norm_order: int = 2,
) -> LocalGradients:
    """Mean gradient of the loss over each bidder's records, of norm at most ``clip_norm``.

    Everything per record is one batch over all bidders; only the last product runs bidder by bidder, which padding
    to one batched product, or adding up outer products, does not beat. No record ends a round: one whose gradient is
    not finite (its features overflow under the model announced) counts as a gradient of zero.

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
    features, labels = task.records(rows)  # [r, F], [r]
    residual = residuals(parameters, features, labels)  # [r, C]
    # The norm of an outer product is the product of the norms, in L1 and in L2.
    norm = features.norm(p=norm_order, dim=1) * residual.norm(p=norm_order, dim=1)  # [r]
    usable = torch.isfinite(norm)
    if not bool(usable.all()):
        features, residual = features.where(usable[:, None], 0.0), residual.where(usable[:, None], 0.0)
        norm = norm.where(usable, 0.0)
    if clip == "record":
        residual *= (clip_norm / norm.clamp(min=clip_norm))[:, None]
    count = bidder_of_row.bincount(minlength=bidders)
    # Dividing first keeps the sum of finite gradients finite.
    residual /= count.clamp(min=1)[bidder_of_row][:, None]
    mean = torch.zeros(bidders, task.features, task.classes)  # [m, F, C]
    stops = count.cumsum(0).tolist()
    for bidder, (start, stop) in enumerate(zip([0, *stops], stops, strict=False)):
        torch.mm(features[start:stop].T, residual[start:stop], out=mean[bidder])
    gradient = mean.view(bidders, -1)
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
