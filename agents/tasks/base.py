"""What a learning task is: records with a label each, a test set, and what is publicly known of them."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from agents.checks import count_array, number, whole
from agents.tasks.records import checked_records

NO_KNOWLEDGE = "none: features are used as they were given"

SHORTEST, LONGEST = 0.1, 10.0
"""Lengths of a record with which the default learning rate still goes about as far as it should."""

_CHUNK = 100_000
"""Records looked up at once where all are."""


@dataclass(frozen=True, eq=False)
class Task(ABC):
    """A classification task.

    Parameters
    ----------
    name : str
        As known to ``load_task``.
    features : int
        F, numbers per record, the last of them a constant for the bias of softmax regression; models with biases of
        their own leave it out.
    classes : int
        C.
    train_size : int
        Records distributed over the owners; they are numbered from 0.
    test : (float32[t, F], int64[t])
        Features and labels of the test records.
    interchangeable : bool
        Whether records are independent draws by construction, so that any partition of them is IID without shuffling.
    public : bool
        Whether features depend on public knowledge alone. A task that fits anything to the owners' records (a mean, a
        range, a vocabulary) is not public: what it has fitted reaches everybody without noise, outside every
        privacy loss that is sold.
    knowledge : str
        What the features were made with and where it is known from.
    image : tuple of int, optional
        Shape of a record without the constant, if it is more than a row of numbers: (channels, height, width).
    class_names : tuple of str, optional
        What the C classes are called; by default their numbers.
    holder : int64[train_size], optional
        Who holds each training record where the data say so, numbered from 0 without gaps (partition ``natural``).
    """

    name: str
    features: int
    classes: int
    train_size: int
    test: tuple[Tensor, Tensor]
    interchangeable: bool = field(default=False, kw_only=True)
    public: bool = field(default=True, kw_only=True)
    knowledge: str = field(default=NO_KNOWLEDGE, kw_only=True)
    image: tuple[int, ...] | None = field(default=None, kw_only=True)
    class_names: tuple[str, ...] | None = field(default=None, kw_only=True)
    holder: Tensor | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse test records that are none."""
        test = checked_records("test", self.test, self.classes, features=self.features)
        object.__setattr__(self, "test", test)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a record as modules of torch take it, without the constant."""
        return self.image or (self.features - 1,)

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called."""
        return self.class_names or tuple(map(str, range(self.classes)))

    @property
    def dimension(self) -> int:
        """Coordinates F * C of softmax regression on this task; every other model has its own ``Model.dimension``."""
        return self.features * self.classes

    @property
    def chance(self) -> float:
        """Test accuracy of always naming the commonest class of the test set."""
        labels = self.test[1]
        return float(labels.bincount(minlength=self.classes).max()) / len(labels)

    def records(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Training records by number.

        A record whose label is none of the classes comes back without a finite feature, so that it contributes nothing
        and is counted as unusable.

        Parameters
        ----------
        rows : int64[r]
            Between 0 and ``train_size`` - 1, in any order, repetitions allowed.

        Returns
        -------
        (features float32[r, F], labels int64[r])
        """
        rows = count_array("rows", rows, shape=(None,))
        if len(rows) and int(rows.max()) >= self.train_size:
            raise ValueError(f"rows holds {int(rows.max())}: task {self.name!r} has records 0 to {self.train_size - 1}")
        features, labels = self._records(rows)
        odd = (labels < 0) | (labels >= self.classes)
        if bool(odd.any()):
            return features.masked_fill(odd[:, None], torch.nan), labels.masked_fill(odd, 0)
        return features, labels

    def labels(self) -> Tensor:
        """Labels ``int64[train_size]`` of all training records."""
        starts = range(0, self.train_size, _CHUNK)
        rows = (torch.arange(first, min(first + _CHUNK, self.train_size)) for first in starts)
        return torch.cat([self.records(some)[1] for some in rows])

    @abstractmethod
    def _records(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Look up (or make up) checked rows."""


@dataclass(frozen=True, eq=False)
class StoredTask(Task):
    """A task whose training records are held in memory: ``float32[train_size, F]`` and ``int64[train_size]``."""

    train: tuple[Tensor, Tensor]

    def __post_init__(self) -> None:
        """Refuse records that are none."""
        super().__post_init__()
        train = checked_records("train", self.train, self.classes, features=self.features)
        if len(train[0]) != self.train_size:
            raise ValueError(f"train_size = {self.train_size}, train has {len(train[0])} records: pass their number")
        object.__setattr__(self, "train", train)

    def _records(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        features, labels = self.train
        return features.index_select(0, rows), labels.index_select(0, rows)


def stored_task(
    name: str,
    classes: int,
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    constant: float = 0.3,
    public: bool = True,
    knowledge: str = NO_KNOWLEDGE,
    image: tuple[int, ...] | None = None,
    class_names: Sequence[str] | None = None,
    holder: Any = None,
) -> StoredTask:
    """Build a task from arrays, checking every record.

    Features should be about 1 long, record by record, which the default learning rate counts on.

    Parameters
    ----------
    name, classes : str, int
    train, test : (float[r, F - 1], int[r])
        Features and labels, as tensors or numpy arrays. Labels count from 0.
    constant : float
        The last feature of every record, for the bias of each class. Smaller than a record is long, so that the bias
        does not use up a clipped gradient.
    public, knowledge, image, class_names, holder : optional
        As in ``Task``.

    Raises
    ------
    TypeError, ValueError
        For arrays that are no records, naming argument, value, record and remedy.

    Warns
    -----
    UserWarning
        If most test records are far from 1 long.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"name = {name!r}: pass the name of the task")
    whole("classes", classes, minimum=2)
    number("constant", constant)
    if not isinstance(public, bool):
        raise TypeError(f"public = {public!r}: pass True or False")
    if not isinstance(knowledge, str):
        raise TypeError(f"knowledge = {knowledge!r}: say in a sentence what the features were made with")
    train = checked_records("train", train, classes)
    test = checked_records("test", test, classes, features=train[0].shape[1])
    _warn_of_length(test[0])
    if image is not None and math.prod(image) != train[0].shape[1]:
        raise ValueError(
            f"image = {image!r} has {math.prod(image)} numbers, a record {train[0].shape[1]}: pass its shape"
        )
    if class_names is not None and (len(class_names) != classes or len(set(class_names)) != classes):
        raise ValueError(f"class_names = {tuple(class_names)!r}: pass a name of its own for each of {classes} classes")
    if holder is not None:
        holder = _holders(holder, len(train[0]))
    train, test = ((_with_constant(features, constant), labels) for features, labels in (train, test))
    return StoredTask(
        name=name,
        features=train[0].shape[1],
        classes=classes,
        train_size=len(train[0]),
        test=test,
        train=train,
        public=public,
        knowledge=knowledge,
        image=None if image is None else tuple(image),
        class_names=None if class_names is None else tuple(class_names),
        holder=holder,
    )


def _holders(holder: Any, records: int) -> Tensor:
    """Who holds each of the records: numbers from 0, none left out."""
    numbers: Tensor = count_array("holder", holder, shape=(records,))
    sizes = numbers.bincount()
    if bool((sizes == 0).any()):
        raise ValueError(f"holder: nobody is number {int((sizes == 0).nonzero()[0])}; number the holders from 0")
    return numbers


def _warn_of_length(features: Tensor) -> None:
    """Say what the default learning rate makes of records of another size; test records belong to no owner."""
    length = float(features.norm(dim=1).median())
    if not SHORTEST <= length <= LONGEST:
        warnings.warn(
            f"records are about {length:.2g} long: the default learning rate, and the models of this project, count on "
            "records about 1 long; scale the features by a public constant",
            stacklevel=3,
        )


def _with_constant(features: Tensor, constant: float) -> Tensor:
    return torch.cat([features, torch.full_like(features[:, :1], constant)], dim=1).contiguous()
