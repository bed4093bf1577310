"""What a scenario returns: its figures, and a summary of them for the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.files import to_json

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Answer:
    """The answer to a scenario's question.

    Parameters
    ----------
    figures : mapping
        Numbers and names, nested as needed; what is not finite becomes null in JSON.
    summary : tuple of rich renderables
        The same for a reader of the console, in the order to be printed.
    """

    figures: Mapping[str, Any]
    summary: tuple[RenderableType, ...]

    def json(self) -> str:
        """Return the figures as JSON."""
        return to_json(self.figures).rstrip()

    def show(self) -> None:
        """Print the summary."""
        from scenarios.commands.console import fitted, output_console

        console = output_console()
        for part in self.summary:
            console.print(fitted(part, console))
