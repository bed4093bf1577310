"""Distributing a task's records over the owners: whole numbers, no record lost and none shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, generator_of, number, one_of, whole
from agents.data_sizes import CONCENTRATION, gamma_stream
from agents.remainders import largest_remainders
from agents.tasks.base import Task

PARTITIONS: tuple[str, ...] = ("iid", "label-skew", "dirichlet", "shards", "natural")
"""``iid``: at random. ``dirichlet``: every owner prefers classes at random, the more so the smaller ``alpha``;
``label-skew`` is that with 0.5. ``shards``: every owner gets so many runs of records sorted by class (``classes``).
``natural``: as the data say who holds what (``Task.holder``)."""

OPTIONS: dict[str, dict[str, float]] = {"dirichlet": {"alpha": CONCENTRATION}, "shards": {"classes": 2}}
"""Options of the partitions that have some, with their defaults."""


SMALLEST_ALPHA, LARGEST_ALPHA = 1e-3, 1e6
"""Beyond, proportions drawn are no longer different from those at these ends."""

MAX_SHARDS = 1000


@dataclass(frozen=True, eq=False)
class Partition:
    """Which records belong to whom.

    Parameters
    ----------
    offset : int64[owners + 1]
        Owner i holds the places ``offset[i]`` to ``offset[i + 1] - 1`` of ``order``.
    order : int64[records] or None
        Record at every place; None if records are in their own order (nothing stored per record).
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
    """Distribute ``train_size`` records at random, ``sizes[i]`` of them to owner i.

    Parameters
    ----------
    sizes : int64[owners]
        Whole numbers that sum to ``train_size``.
    train_size : int
        Records of the task.
    generator : torch.Generator
        Data-split stream.
    shuffle : bool
        False leaves the records in their own order, which is IID only where records are independent draws
        (``Task.interchangeable``), and stores nothing per record.

    Raises
    ------
    TypeError, ValueError
        If sizes are no whole numbers or do not sum to ``train_size``.
    """
    whole("train_size", train_size, minimum=1)
    offset = _offset(sizes, train_size)
    generator_of("generator", generator)
    return Partition(offset=offset, order=torch.randperm(train_size, generator=generator) if shuffle else None)


def label_skewed_partition(
    sizes: Any, labels: Any, generator: torch.Generator, *, alpha: float = CONCENTRATION
) -> Partition:
    """Distribute records so that every owner has more of some labels, ``sizes[i]`` of them to owner i.

    In random order, every owner draws the proportions of classes that she wants from a Dirichlet distribution whose
    mean is the classes' shares of all records and whose concentration is ``alpha`` per class, and takes that many
    records of each, as far as they are left; for what is missing she wants the classes that are left in the same
    proportions. Source: Hsu, Qi, Brown, "Measuring the effects of non-identical data distribution for federated visual
    classification", 2019, with owners of different sizes.

    Parameters
    ----------
    sizes : int64[owners]
        Whole numbers that sum to the number of records.
    labels : int64[records]
        Class of every record.
    generator : torch.Generator
        Data-split stream.
    alpha : float
        Near 0 nearly every owner has one class; beyond 100 all have all, as if dealt at random.

    Raises
    ------
    TypeError, ValueError
        If sizes are no whole numbers or do not sum to the number of records.
    """
    labels = count_array("labels", labels, shape=(None,))
    number("alpha", alpha, minimum=SMALLEST_ALPHA, maximum=LARGEST_ALPHA)
    offset = _offset(sizes, len(labels))
    generator_of("generator", generator)
    wanted = _class_counts(offset.diff(), labels.bincount(), generator, alpha)
    # The k-th place that wants a class is given the k-th of its records, which lie in random order.
    by_class = _sorted_by_class(labels, generator)
    owners, classes = wanted.shape
    places = torch.arange(classes).repeat(owners).repeat_interleave(wanted.flatten()).argsort(stable=True)
    return Partition(offset=offset, order=torch.empty_like(by_class).index_copy_(0, places, by_class))


def sharded_partition(sizes: Any, labels: Any, generator: torch.Generator, *, classes: int = 2) -> Partition:
    """Distribute records in shards of nearly one class each, ``classes`` shards to every owner.

    Records are sorted by class, cut into ``classes`` shards for every owner (of ``sizes[i]`` records together, as equal
    as whole numbers allow) in random order, and each owner gets hers. A shard that reaches over the end of a class, of
    which there is at most one for every class where shards are shorter than classes, gives its owner one class more.
    Source: McMahan, Moore, Ramage, Hampson, Aguera y Arcas, "Communication-efficient learning of deep networks from
    decentralized data", 2017, with owners of different sizes.

    Parameters
    ----------
    sizes, labels, generator
        As for ``label_skewed_partition``.
    classes : int
        Shards of every owner.
    """
    labels = count_array("labels", labels, shape=(None,))
    whole("classes", classes, minimum=1, maximum=MAX_SHARDS)
    offset = _offset(sizes, len(labels))
    generator_of("generator", generator)
    sizes = offset.diff()
    by_class = _sorted_by_class(labels, generator)
    part = torch.arange(classes)
    length = sizes[:, None] // classes + (part < sizes[:, None] % classes).long()  # [owners, shards]
    order = torch.randperm(length.numel(), generator=generator)
    owner_of_place = (order // classes).repeat_interleave(length.flatten()[order])  # [records], in the sorted list
    return Partition(offset=offset, order=by_class[owner_of_place.argsort(stable=True)])


def natural_partition(sizes: Any, holder: Any) -> Partition:
    """Give every record to who holds it: ``sizes[i]`` of them are owner i's already.

    Raises
    ------
    TypeError, ValueError
        If somebody holds another number of records than ``sizes`` says.
    """
    holder = count_array("holder", holder, shape=(None,))
    offset = _offset(sizes, len(holder))
    held = holder.bincount(minlength=len(offset) - 1)
    if not torch.equal(held, offset.diff()):
        raise ValueError("sizes: with partition 'natural' owners hold what the data say; pass the sizes of Task.holder")
    return Partition(offset=offset, order=holder.argsort(stable=True))


def check_partition(how: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a partition, completed by its defaults, or say which is unknown or refused."""
    known = OPTIONS.get(one_of("partition", how, PARTITIONS), {})
    for name in options:
        one_of(f"option of partition {how!r}", name, known or {"none"})
    chosen = {**known, **options}
    if "alpha" in chosen:
        number("alpha", chosen["alpha"], minimum=SMALLEST_ALPHA, maximum=LARGEST_ALPHA)
    if "classes" in chosen:
        whole("classes", chosen["classes"], minimum=1, maximum=MAX_SHARDS)
    return chosen


def natural_sizes(task: Task, owners: int) -> Tensor:
    """Data sizes ``int64[owners]`` as the data say.

    Raises
    ------
    ValueError
        If the task does not know who holds its records, or another number of owners does.
    """
    if task.holder is None:
        raise ValueError(
            f"partition = 'natural': task {task.name!r} does not say who holds which record; take another partition, "
            "or a task with a holder (task 'table' with the option owner)"
        )
    sizes = task.holder.bincount()
    if len(sizes) != owners:
        raise ValueError(
            f"owners = {owners}: the records of task {task.name!r} have {len(sizes)} holders; pass "
            f"owners={len(sizes)}, and no more bidders"
        )
    return sizes


def partition_of(
    task: Task, sizes: Any, how: str, generator: torch.Generator, options: Mapping[str, Any] | None = None
) -> Partition:
    """Distribute a task's training records in one of the ways of ``PARTITIONS``, ``sizes[i]`` of them to owner i."""
    chosen = check_partition(how, options or {})
    if how == "iid":
        return partition(sizes, task.train_size, generator, shuffle=not task.interchangeable)
    if how == "natural":
        natural_sizes(task, len(sizes))
        return natural_partition(sizes, task.holder)
    deal = sharded_partition if how == "shards" else label_skewed_partition
    return deal(sizes, task.labels(), generator, **chosen)


def _sorted_by_class(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Records class by class, those of a class in random order."""
    shuffled = torch.randperm(len(labels), generator=generator)
    return shuffled[labels[shuffled].argsort(stable=True)]


def _offset(sizes: Any, train_size: int) -> Tensor:
    sizes = count_array("sizes", sizes, shape=(None,))
    total = int(sizes.sum())
    if total != train_size:
        raise ValueError(
            f"sizes sum to {total} but the task has {train_size} records: give out exactly {train_size}, "
            f"e.g. draw the population with OwnerPrior(records={train_size}, ...)"
        )
    return torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])


def _class_counts(sizes: Tensor, left: Tensor, generator: torch.Generator, alpha: float) -> Tensor:
    """Records of every class that every owner takes ``int64[owners, classes]``, ``left[classes]`` of them in all."""
    stream = gamma_stream(generator)
    concentration = alpha * len(left) * left.double() / left.sum()
    preference = torch.from_numpy(stream.standard_gamma(concentration.numpy(), size=(len(sizes), len(left))))
    taken = torch.zeros(len(sizes), len(left), dtype=torch.int64)
    for owner in stream.permutation(len(sizes)).tolist():
        taken[owner] = _take(int(sizes[owner]), preference[owner], left)
        left = left - taken[owner]
    return taken


def _take(size: int, preference: Tensor, left: Tensor) -> Tensor:
    """``size`` records ``int64[classes]`` by preference, none beyond what is left; a pass ends or uses up a class."""
    taken = torch.zeros_like(left)
    while missing := size - int(taken.sum()):
        weight = torch.where(taken < left, preference, 0.0)
        # An owner who prefers no class that is left takes records in proportion to what is left.
        weight = weight if float(weight.sum()) > 0 else (left - taken).double()
        amounts = missing * weight / weight.sum()
        taken = torch.minimum(taken + largest_remainders(amounts, missing), left)
    return taken
