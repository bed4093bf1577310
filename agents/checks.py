"""Argument validation: arrays, numbers and names are checked once, where they enter, and refused with a remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

MAX_RECORDS = 10**12
"""Largest data size taken: counts up to here stay exact in float64 products of money."""

MAX_SEED = 2**63 - 1
"""Largest seed taken, wherever a seed is."""

_LARGEST_FINITE = torch.finfo(torch.float64).max


def real_array(name: str, value: Any, *, shape: Sequence[int | None] | None = None) -> Tensor:
    """Return ``value`` as a finite, nonnegative float64 tensor.

    Parameters
    ----------
    name : str
        How the argument is called, for the message.
    value : tensor, numpy array or (nested) list of float
        float64; Python numbers are converted, other dtypes are refused. Numpy arrays are copied, tensors are shared.
    shape : sequence of int or None, optional
        Expected shape, ``None`` where any length will do.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, the first offending value and the remedy.
    """
    array = _as_tensor(name, value)
    if array.dtype != torch.float64:
        if not isinstance(value, Tensor | np.ndarray) and array.dtype in (torch.int64, torch.float32):
            array = torch.as_tensor(value, dtype=torch.float64)
        else:
            raise _other_dtype(name, value, array, "float64", "double")
    _require_shape(name, array, shape)
    if not _within(array, 0.0, _LARGEST_FINITE):
        _refuse(name, array, ~torch.isfinite(array), "every value must be a finite number")
        _refuse(name, array, array < 0, "every value must be 0 or more")
    return array


def count_array(name: str, value: Any, *, shape: Sequence[int | None] | None = None) -> Tensor:
    """Return ``value`` as an int64 tensor of whole numbers between 0 and ``MAX_RECORDS``.

    Raises
    ------
    TypeError, ValueError
        For fractional, negative or huge values; the message says what to do.
    """
    array = _as_tensor(name, value)
    if array.dtype.is_floating_point:
        _refuse(name, array, ~torch.isfinite(array), "every value must be a finite whole number")
        _refuse(name, array, array != array.floor(), "counts are whole numbers: round them down first")
        raise _other_dtype(name, value, array, "int64", "long")
    if array.dtype != torch.int64:
        raise _other_dtype(name, value, array, "int64", "long")
    _require_shape(name, array, shape)
    if not _within(array, 0, MAX_RECORDS):
        _refuse(name, array, array < 0, "counts must be 0 or more (0 means absent)")
        _refuse(name, array, array > MAX_RECORDS, f"at most {MAX_RECORDS:.0e} records are supported")
    return array


def number(
    name: str,
    value: Any,
    *,
    minimum: float = 0.0,
    maximum: float = float("inf"),
    above: float | None = None,
) -> float:
    """Return one finite number within ``[minimum, maximum]`` (and strictly over ``above``), or raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} = {value!r} is not a number; pass an int or a float")
    result = float(value)
    if above is not None:
        if not (result > above and result <= maximum and np.isfinite(result)):
            upper = f" and at most {maximum:g}" if np.isfinite(maximum) else ""
            raise ValueError(f"{name} = {value!r}: pass a finite number over {above:g}{upper}")
    elif not (minimum <= result <= maximum and np.isfinite(result)):
        upper = f" and {maximum:g}" if np.isfinite(maximum) else " and infinity, infinity excluded"
        raise ValueError(f"{name} = {value!r}: pass a number between {minimum:g}{upper}")
    return result


def whole(name: str, value: Any, *, minimum: int = 0, maximum: int = MAX_RECORDS) -> int:
    """Return one whole number within ``[minimum, maximum]``, or raise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} = {value!r} is not a whole number; pass an int")
    if not minimum <= int(value) <= maximum:
        raise ValueError(f"{name} = {value!r}: pass a whole number between {minimum} and {maximum}")
    return int(value)


def seed_number(name: str, value: Any) -> int:
    """Return a seed, a whole number between 0 and ``MAX_SEED``, or raise."""
    return whole(name, value, maximum=MAX_SEED)


def one_of(name: str, value: Any, known: Iterable[str]) -> str:
    """Return ``value`` if it is a known name; otherwise raise, naming the nearest known one."""
    names = sorted(known)
    if isinstance(value, str) and value in names:
        return value
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if str(value).endswith(".py"):
        stem = str(value).removesuffix(".py").replace("/", ".")
        hint = f"what stands in a file of your own is written module:NAME, here {stem}:NAME; "
    raise ValueError(f"{name} = {value!r} is not known; {hint}known: {', '.join(names)}")


def generator_of(name: str, value: Any) -> torch.Generator:
    """Return ``value`` if it is a ``torch.Generator``; no global generator is ever used in its place."""
    if not isinstance(value, torch.Generator):
        raise TypeError(f"{name} = {value!r}: pass a torch.Generator, e.g. torch.Generator().manual_seed(0)")
    return value


def _as_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    try:
        # A copy, so that nobody can change what was checked; it also makes reversed arrays contiguous.
        array = np.array(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} cannot be read as an array ({error}); pass a tensor, array or list") from None
    if array.dtype.kind not in "biufc" or array.dtype == np.longdouble:
        raise TypeError(
            f"{name} = {_shortened(value)} cannot be read as an array of numbers (it becomes one of dtype "
            f"{array.dtype}); pass a tensor, array or list of ordinary numbers, each below 2**63"
        )
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return torch.from_numpy(native).reshape(array.shape)


def _other_dtype(name: str, value: Any, array: Tensor, wanted: str, method: str) -> TypeError:
    if isinstance(value, Tensor):
        remedy = f"{name}.{method}()"
    elif isinstance(value, np.ndarray):
        remedy = f"{name}.astype(np.{wanted})"
    else:
        remedy = f"torch.tensor({name}).{method}()"
    return TypeError(f"{name} has dtype {array.dtype}; pass {wanted} (e.g. {remedy})")


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _require_shape(name: str, array: Tensor, shape: Sequence[int | None] | None) -> None:
    if shape is None:
        return
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = "[" + ", ".join("any" if want is None else str(want) for want in shape) + "]"
        raise ValueError(f"{name} has shape {list(array.shape)}; pass shape {wanted}")


def _within(array: Tensor, minimum: float, maximum: float) -> bool:
    """Whether all values are within the range, in one pass; NaN never is."""
    if not array.numel():
        return True
    low, high = array.aminmax()
    return low.item() >= minimum and high.item() <= maximum


def _refuse(name: str, array: Tensor, bad: Tensor, remedy: str) -> None:
    if bool(bad.any()):
        place = tuple(int(i) for i in bad.nonzero()[0])
        raise ValueError(f"{name}{list(place)} = {array[place].item()!r}: {remedy}")
