"""Checked values of single fields of a configuration, as they are kept: plain, and never written into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agents.checks import number
from market_sim.frozen import frozen


def pair_of(name: str, value: Any, *, minimum: float = 0.0, maximum: float) -> tuple[float, float]:
    """Return a range ``(low, high)``; a single number stands for both."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} = {value!r}: pass a number or a pair (low, high)")
    low = number(f"{name}[0]", value[0], minimum=minimum, maximum=maximum)
    high = value[1]
    if isinstance(high, int | float | np.number) and not isinstance(high, bool) and minimum <= high < low:
        raise ValueError(f"{name} = {value!r}: write the lower end first")
    return low, number(f"{name}[1]", value[1], minimum=low, maximum=maximum)


def rows_of(given: Any) -> Any:
    """Return the owners' file, or the rows of their table as plain values that cannot be written into."""
    if given is None or isinstance(given, str | Path):
        return given
    rows = given.to_dict("records") if isinstance(given, pd.DataFrame) else given
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(
            f"population is of type {type(given).__name__}; pass a CSV file, a DataFrame or a list of mappings"
        )
    return tuple(
        frozen({str(name): _cell(name, place, value) for name, value in row.items()}) for place, row in enumerate(rows)
    )


def _cell(name: Any, place: int, value: Any) -> Any:
    """A cell of a table as JSON can hold it: dates and the like as text, nothing for what is missing."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    plain = _scalar(value)
    if isinstance(plain, Mapping | Sequence | set | np.ndarray) and not isinstance(plain, str):
        raise TypeError(f"population, owner {place}, column {str(name)!r} = {value!r}: pass one number or word a cell")
    return plain if isinstance(plain, str | int | float | bool | None) else str(plain)


def options_of(field: str, options: Any) -> Mapping[str, Any]:
    """Return options by name: numbers, names, and lists and mappings of these, as JSON can hold them."""
    if not isinstance(options, Mapping):
        raise TypeError(f"{field} = {options!r}: pass a mapping of names to values, e.g. {{}}")
    return frozen({name: _option(f"{field}[{name!r}]", value) for name, value in options.items()})


def _option(where: str, value: Any) -> Any:
    plain = str(value) if isinstance(value, Path) else _scalar(value)
    if isinstance(plain, str | int | float | None):
        return plain
    if isinstance(plain, Mapping):
        return {str(name): _option(f"{where}[{name!r}]", inner) for name, inner in plain.items()}
    if isinstance(plain, Sequence):
        return tuple(_option(f"{where}[{place}]", inner) for place, inner in enumerate(plain))
    raise TypeError(f"{where} = {value!r}: pass a number or a name, or a list or mapping of these")


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) or getattr(value, "ndim", None) == 0 else value
