"""A Gaussian mixture of any size: every record is computed from its number, and nothing is stored per record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from agents.checks import number, seed_number, whole
from agents.tasks.base import Task

NAME = "synthetic"
TEST_RECORDS = 2000

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST_TEST_ROW, _FIRST_CENTRE_ROW = 2**41, 2**42


@dataclass(frozen=True, eq=False)
class SyntheticTask(Task):
    """Records around one centre per class, with unit noise on every feature.

    Parameters
    ----------
    centres : float64[C, F - 1]
        Mean features of every class.
    seed : int
        Of the random features and labels.
    """

    centres: Tensor
    seed: int

    def _records(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return make_records(rows, self.centres, self.seed)


def load(
    features: int = 20, classes: int = 5, records: int = 100_000, separation: float = 3.0, seed: int = 0
) -> SyntheticTask:
    """Choose a mixture; the same arguments give the same records everywhere.

    Parameters
    ----------
    features : int
        Numbers per record, the constant not counted.
    classes : int
        Equally likely.
    records : int
        Training records; 2 000 test records come on top.
    separation : float
        Distance of every class's centre from the origin, in standard deviations of the noise.
    seed : int
        Another population of the same kind.
    """
    whole("features", features, minimum=1)
    whole("classes", classes, minimum=2)
    whole("records", records, minimum=1)
    seed_number("seed", seed)
    number("separation", separation)
    raw = _normal(torch.arange(classes) + _FIRST_CENTRE_ROW, features, seed)
    centres = torch.from_numpy(separation * raw / np.linalg.norm(raw, axis=1, keepdims=True))
    test = make_records(torch.arange(TEST_RECORDS) + _FIRST_TEST_ROW, centres, seed)
    return SyntheticTask(
        name=NAME,
        features=features + 1,
        classes=classes,
        train_size=records,
        test=test,
        interchangeable=True,
        centres=centres,
        seed=seed,
    )


def make_records(rows: Tensor, centres: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Features ``float32[r, F]`` (constant last) and labels ``int64[r]``; a record depends on its own number only."""
    classes, features = centres.shape
    labels = torch.from_numpy((_stream(rows, 1, seed)[:, 0] % np.uint64(classes)).astype(np.int64))
    noisy = centres.index_select(0, labels) + torch.from_numpy(_normal(rows, features, seed))
    return torch.cat([noisy, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1).float(), labels


def _normal(rows: Tensor, features: int, seed: int) -> NDArray[np.float64]:
    """Standard normal draws ``[r, features]``; the inverse cdf gives an element the same bits wherever it stands."""
    bits = _stream(rows, features + 1, seed)[:, 1:] >> np.uint64(11)
    return np.asarray(special.ndtri((bits.astype(np.float64) + 0.5) * 2.0**-53))


def _stream(rows: Tensor, length: int, seed: int) -> NDArray[np.uint64]:
    """The first ``length`` numbers of every row's own splitmix64 stream (Steele, Lea, Flood 2014)."""
    start = _mix(rows.numpy().astype(np.uint64) + _mix(np.array([seed], dtype=np.uint64)))
    return _mix(start[:, None] + np.arange(1, length + 1, dtype=np.uint64) * _GOLDEN)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
