"""A job: a function and its arguments under a key, and what it gives back."""

from __future__ import annotations

import pickle
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pandas as pd
import pyarrow as pa

OURS = ("agents", "market_sim", "analysis", "scenarios")


@dataclass(frozen=True)
class JobResult:
    """What a job gives back.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table or DataFrame
        By kind; the kind is a name of letters, digits, ``-`` and ``_``.
    figures : mapping
        Numbers and names, nested as needed, as JSON holds them.
    """

    tables: Mapping[str, pa.Table | pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One piece of work that depends on no other.

    Parameters
    ----------
    key : str
        Tells it from all others of its campaign, and gives its place in the tables.
    function : callable
        Returns a ``JobResult`` that depends on the arguments alone.
    arguments : tuple
        What it is called with.
    """

    key: str
    function: Callable[..., JobResult]
    arguments: tuple[Any, ...] = ()


def in_order(keys: Iterable[str]) -> list[str]:
    """Sort keys, numbers within them by their value: ``seed=2`` before ``seed=10``."""
    return sorted(keys, key=lambda key: ([(int(part), part) if part.isdigit() else (-1, part)
                                          for part in re.split(r"(\d+)", key)], key))  # fmt: skip


def pickled(job: Job, *, by_value: bool) -> bytes:
    """Return function and arguments as bytes that another process can call.

    Parameters
    ----------
    job : Job
    by_value : bool
        Send modules of the user's own along, which machines of a cluster cannot import.

    Raises
    ------
    TypeError
        If something in it cannot be sent, naming the job and the remedy.
    """
    try:
        with _sent_along(_own_modules() if by_value else []):
            return bytes(cloudpickle.dumps((job.function, job.arguments)))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"job {job.key!r} cannot be sent to another process ({error}): pass objects that can be pickled, or "
            "compute in this process alone, with jobs = 1"
        ) from None


def _own_modules() -> list[ModuleType]:
    """Modules that are neither Python's, nor installed, nor ours."""
    installed = [Path(place).resolve() for place in set(sysconfig.get_paths().values())]
    own = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name == "__main__" or name.partition(".")[0] in OURS:
            continue
        place = Path(file).resolve()
        if not any(place.is_relative_to(known) for known in installed) and module.__name__ == name:
            own.append(module)
    return own


@contextmanager
def _sent_along(modules: Iterable[ModuleType]) -> Iterator[None]:
    registered = []
    for module in modules:
        if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(module)
            registered.append(module)
    try:
        yield
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)
