"""Where commands print what they found."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console

WIDTH = 120
"""Columns of a file or a pipe, which have no width of their own."""


class OutputConsole(Console):
    """Standard output; that its reader has gone is left to the command line to handle."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error that rich would turn into exit code 1."""
        raise BrokenPipeError


def output_console() -> OutputConsole:
    """A console as wide as the terminal, and at least ``WIDTH`` where there is none: rich would take 80 columns."""
    console = OutputConsole()
    return console if console.is_terminal else OutputConsole(width=max(console.width, WIDTH))
