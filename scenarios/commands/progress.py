"""A progress bar on standard error for whatever takes more than two seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def bar(shown: bool, title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar of ``total`` steps; the callable that is yielded advances it by one and shows a word on the state."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        task = progress.add_task(title, total=total, state="")
        yield lambda state: progress.update(task, advance=1, state=state)
