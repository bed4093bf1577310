"""Finding tasks: every module of this package with a ``NAME`` and a ``load`` is registered by existing."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
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
    """
    load = task_modules()[one_of("task", name, task_modules())].load
    known = inspect.signature(load).parameters
    for option in options:
        if option not in known or option == "data":
            one_of(f"option of task {name!r}", option, set(known) - {"data"} or {"none"})
    task: Task = load(data=data, **options) if "data" in known else load(**options)
    return task
