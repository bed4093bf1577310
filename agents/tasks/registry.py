"""Finding tasks: every module of this package with a ``NAME`` and a ``load`` is discovered automatically."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from agents import tasks
from agents.checks import one_of
from agents.tasks.base import Task


@functools.cache
def task_modules() -> dict[str, ModuleType]:
    """Every task's module, by the task's name."""
    modules = (
        importlib.import_module(f"{tasks.__name__}.{found.name}") for found in pkgutil.iter_modules(tasks.__path__)
    )
    found = {module.NAME: module for module in modules if hasattr(module, "NAME")}
    return dict(sorted(found.items()))


def list_tasks() -> list[str]:
    """Names that ``load_task`` knows."""
    return list(task_modules())


def load_task(name: str, data: str | Path | None = None, **options: Any) -> Task:
    """Load a learning task by name.

    Parameters
    ----------
    name : str
        One of ``list_tasks()``.
    data : str or Path, optional
        Directory of the files, for tasks that are read from files; others ignore it.
    **options
        What the task lets one choose, e.g. ``records``, ``features`` and ``classes`` of ``synthetic``.

    Raises
    ------
    TypeError, ValueError
        For an unknown name or option (naming the nearest), or data that is missing or not what the task expects.

    Warns
    -----
    UserWarning
        If the task is not ``public``: something of the owners' records is in everybody's features.
    """
    check_options(name, options)
    load = task_modules()[name].load
    task: Task = load(data=data, **options) if takes_data(name) else load(**options)
    if not task.public:
        warnings.warn(
            f"task {name!r} has features that were fitted to the owners' records (public=False): they reach everybody "
            "without noise, whatever privacy losses are sold; use public constants instead",
            stacklevel=2,
        )
    return task


def check_options(name: str, options: Iterable[str]) -> None:
    """Refuse an unknown task, or an option that it does not have, naming the nearest that it has."""
    known = inspect.signature(task_modules()[one_of("task", name, task_modules())].load).parameters
    for option in options:
        if option not in known or option == "data":
            one_of(f"option of task {name!r}", option, set(known) - {"data"} or {"none"})


def takes_data(name: str) -> bool:
    """Whether a task is read from files."""
    return "data" in inspect.signature(task_modules()[name].load).parameters


def data_files(name: str, data: str | Path | None = None, **options: Any) -> tuple[Path, ...]:
    """Return the files that ``load_task`` reads when given the same; none for tasks without."""
    return tuple(task_modules()[name].files(data, **options)) if takes_data(name) else ()
