"""How far a campaign is: a bar where there is a terminal, else a line every half minute."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

EVERY = 30.0
"""Seconds between two lines."""


class Watch:
    """Counts jobs, and shows how many are done, how fast, how long it will take and how many failed.

    Parameters
    ----------
    title : str
    total, done : int
        Jobs, and how many of them were done before.
    shown : bool
        Whether to show anything but ``note``.
    """

    def __init__(self, title: str, total: int, done: int, *, shown: bool) -> None:
        self.title, self.total, self.done, self.failed, self._before = title, total, done, 0, done
        self._word = ""
        self._started = self._said = time.monotonic()
        self._console = Console(stderr=True)
        terminal = shown and self._console.is_terminal
        self._lines = shown and not terminal
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"),
            console=self._console, transient=True, disable=not terminal,
        )  # fmt: skip
        self._task = self._bar.add_task(title, total=total, completed=done, state="")

    def __enter__(self) -> Watch:
        self._bar.start()
        self.refresh()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, *, failed: bool = False) -> None:
        """One more job is done, or has failed for good."""
        self.done += not failed
        self.failed += failed
        self.refresh()

    def step(self, word: str) -> None:
        """One more is done; ``word`` says what is next or was last."""
        self._word = word
        self.advance()

    def refresh(self) -> None:
        """Show the time, too."""
        state = self.state()
        self._bar.update(self._task, completed=self.done, state=state)
        if self._lines and time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            self.note(f"{self.title}: {state}")

    def state(self) -> str:
        """``12 of 60, 2.1 a second, 23 s left, 1 failed``."""
        parts = [f"{self.done:,} of {self.total:,}"]
        new = self.done - self._before
        seconds = time.monotonic() - self._started
        if new:
            parts.append(_rate(new / seconds))
            parts.append(f"{duration((self.total - self.done - self.failed) * seconds / new)} left")
        parts += [self._word] if self._word else []
        return ", ".join([*parts, *([f"{self.failed:,} failed"] if self.failed else [])])

    def note(self, line: str) -> None:
        """Say something, whether progress is shown or not."""
        self._console.print(escape(line), soft_wrap=True, highlight=False)


def duration(seconds: float) -> str:
    """``50 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _rate(each: float) -> str:
    if each >= 1:
        return f"{each:.1f} a second"
    return f"{60 * each:.1f} a minute" if each >= 1 / 60 else f"{3600 * each:.1f} an hour"
