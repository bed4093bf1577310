"""Checking the records that a task hands over, once, before any market is built on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

LARGEST_FEATURE = 1e15
"""Products of a hundred features of this size, squared, are still finite in float32."""


def checked_records(name: str, records: Any, classes: int, *, features: int | None = None) -> tuple[Tensor, Tensor]:
    """Return records as the market wants them, or refuse them.

    Parameters
    ----------
    name : str
        How the argument is called, for the message.
    records : (float[r, F], int[r])
        Features and labels, as tensors or numpy arrays.
    classes : int
        Labels are 0 to ``classes`` - 1.
    features : int, optional
        F, where it is known already.

    Returns
    -------
    (float32[r, F], int64[r])

    Raises
    ------
    TypeError, ValueError
        Naming argument, value, record and remedy.
    """
    if not isinstance(records, tuple | list) or len(records) != 2:
        raise TypeError(f"{name} is a {type(records).__name__}: pass a pair (features, labels)")
    x, y = _tensor(f"{name}[0]", records[0]), _tensor(f"{name}[1]", records[1])
    return _features(f"{name}[0]", x, features), _labels(f"{name}[1]", y, len(x), classes)


def _features(name: str, x: Tensor, features: int | None) -> Tensor:
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {list(x.shape)}: pass features [records, features]")
    if not len(x):
        raise ValueError(f"{name} has no record: pass at least one")
    if not x.shape[1]:
        raise ValueError(f"{name} has no feature: pass at least one number for each record")
    if features is not None and x.shape[1] != features:
        raise ValueError(f"{name} has {x.shape[1]} features, the training records have {features}: pass the same")
    bad = ~torch.isfinite(x) | (x.abs() > LARGEST_FEATURE)
    if bool(bad.any()):
        record, column = (int(place) for place in bad.nonzero()[0])
        value = x[record, column].item()
        remedy = (
            f"scale the feature by a public constant, to at most {LARGEST_FEATURE:g} and better to about 1"
            if np.isfinite(value)
            else "give the record a finite number there, or leave it out"
        )
        raise ValueError(f"{name}[{record}, {column}] = {value!r} in record {record}: {remedy}")
    return x.float().contiguous()


def _labels(name: str, y: Tensor, records: int, classes: int) -> Tensor:
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(f"{name} has shape {list(y.shape)}: pass one label a record, of one-hot rows their argmax")
    if y.ndim != 1:
        raise ValueError(f"{name} has shape {list(y.shape)}: pass one label a record, shape [{records}]")
    if len(y) != records:
        raise ValueError(f"{name} has {len(y)} labels for {records} records: pass one each")
    if y.is_floating_point():
        bad = ~torch.isfinite(y) | (y != y.floor())
        _refuse(name, y, bad, f"labels are whole numbers from 0 to {classes - 1}: leave such a record out")
    bad = (y < 0) | (y >= classes)
    _refuse(name, y, bad, f"labels count from 0 to {classes - 1}: recode it, or leave a record without class out")
    return y.long().contiguous()


def _refuse(name: str, y: Tensor, bad: Tensor, remedy: str) -> None:
    if bool(bad.any()):
        record = int(bad.nonzero()[0])
        raise ValueError(f"{name}[{record}] = {y[record].item()!r} in record {record}: {remedy}")


def _tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
    else:
        try:
            array = np.asarray(value)
            tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")))
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} cannot be read as an array of numbers ({error}): pass numbers") from None
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} has dtype {tensor.dtype}: pass real numbers, e.g. {name}.double()")
    return tensor
