"""Which of a bidder's records are used where only a part of them is bought."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, generator_of
from agents.tasks.partition import Partition


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
