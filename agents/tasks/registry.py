"""Finding tasks: every module of this package with a ``NAME`` and a ``load``, and those of one's own."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from agents import tasks
from agents.checks import one_of
from agents.discovery import named_modules
from agents.own_classes import function_name, function_of, is_spelled
from agents.tasks.base import Task


@functools.cache
def task_modules() -> dict[str, ModuleType]:
    """Every task's module, by the task's name."""
    return named_modules(tasks)


def list_tasks() -> list[str]:
    """Names that ``load_task`` knows."""
    return list(task_modules())


def load_task(task: str | Task | Callable[..., Task], data: str | Path | None = None, **options: Any) -> Task:
    """Load a learning task.

    Parameters
    ----------
    task : str, callable or Task
        One of ``list_tasks()``, a function of one's own that returns a task, as ``module:function`` or by itself, or a
        task.
    data : str or Path, optional
        Directory or file to read, for tasks that are read from files; others ignore it.
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
    check_options(task, options)
    found = task if isinstance(task, Task) else _load(task)(**({"data": data} if takes_data(task) else {}), **options)
    name = task_name(task)
    if not isinstance(found, Task):
        raise TypeError(f"task {name!r} returned a {type(found).__name__}: return what stored_task makes")
    if not found.public:
        warnings.warn(
            f"task {name!r} has features that were fitted to the owners' records (public=False): they reach everybody "
            "without noise, whatever privacy losses are sold; use public constants instead",
            stacklevel=2,
        )
    return found


def check_options(task: Any, options: Iterable[str]) -> None:
    """Refuse an unknown task, or an option that it does not have, naming the nearest that it has."""
    known = {} if isinstance(task, Task) else inspect.signature(_load(task)).parameters
    if any(given.kind is given.VAR_KEYWORD for given in known.values()):
        return
    for option in options:
        if option not in known or option == "data":
            one_of(f"option of task {task_name(task)!r}", option, set(known) - {"data"} or {"none"})


def task_name(task: Any) -> str:
    """Return the name under which a task is recorded."""
    if isinstance(task, Task):
        return f"{task.name} (handed over)"
    return task if isinstance(task, str) else function_name(task)


def takes_data(task: Any) -> bool:
    """Whether a task is read from files."""
    return not isinstance(task, Task) and "data" in inspect.signature(_load(task)).parameters


def data_files(task: Any, data: str | Path | None = None, **options: Any) -> tuple[Path, ...]:
    """Return the files that ``load_task`` reads when given the same; none for tasks without.

    Of a task of one's own that is ``data``, if it is a file.
    """
    if not takes_data(task):
        return ()
    if isinstance(task, str) and not is_spelled(task):
        return tuple(task_modules()[task].files(data, **options))
    return (Path(data),) if data is not None and Path(data).is_file() else ()


def _load(task: Any) -> Callable[..., Task]:
    if isinstance(task, str) and not is_spelled(task):
        load: Callable[..., Task] = task_modules()[one_of("task", task, task_modules())].load
        return load
    return function_of("task", task)
