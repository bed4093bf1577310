"""Dealing a task's records out to the owners: IID, whole numbers, no record lost and none shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, generator_of, whole


@dataclass(frozen=True, eq=False)
class Partition:
    """Which records belong to whom.

    Parameters
    ----------
    offset : int64[owners + 1]
        Owner i holds the places ``offset[i]`` to ``offset[i + 1] - 1`` of the deal.
    order : int64[records] or None
        Record at every place of the deal; None if records are dealt in their own order (nothing stored per record).
    """

    offset: Tensor
    order: Tensor | None

    @property
    def sizes(self) -> Tensor:
        """Records of every owner ``int64[owners]``."""
        return self.offset.diff()

    def rows(self, owners: Tensor) -> tuple[Tensor, Tensor]:
        """All records of some owners.

        Parameters
        ----------
        owners : int64[m]

        Returns
        -------
        (rows int64[r], bidder int64[r])
            Record numbers, and for each the place in ``owners`` of who holds it, ascending.
        """
        owners = count_array("owners", owners, shape=(None,))
        if len(owners) and int(owners.max()) >= len(self.offset) - 1:
            raise ValueError(f"owners holds {int(owners.max())}: there are owners 0 to {len(self.offset) - 2}")
        start, size = self.offset[owners], self.offset[owners + 1] - self.offset[owners]
        bidder = torch.repeat_interleave(size)
        first = size.cumsum(0) - size
        place = torch.arange(len(bidder)) + (start - first).index_select(0, bidder)
        return (place if self.order is None else self.order.index_select(0, place)), bidder


def partition(sizes: Any, train_size: int, generator: torch.Generator, *, shuffle: bool = True) -> Partition:
    """Deal ``train_size`` records out at random, ``sizes[i]`` of them to owner i.

    Parameters
    ----------
    sizes : int64[owners]
        Whole numbers that sum to ``train_size``.
    train_size : int
        Records of the task.
    generator : torch.Generator
        Data-split stream.
    shuffle : bool
        False deals the records in their own order, which is IID only where records are independent draws
        (``Task.interchangeable``), and stores nothing per record.

    Raises
    ------
    TypeError, ValueError
        If sizes are no whole numbers or do not sum to ``train_size``.
    """
    sizes = count_array("sizes", sizes, shape=(None,))
    whole("train_size", train_size, least=1)
    generator_of("generator", generator)
    total = int(sizes.sum())
    if total != train_size:
        raise ValueError(
            f"sizes sum to {total} but the task has {train_size} records: give out exactly {train_size}, "
            f"e.g. draw the population with OwnerPrior(records={train_size}, ...)"
        )
    offset = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    return Partition(offset=offset, order=torch.randperm(train_size, generator=generator) if shuffle else None)
