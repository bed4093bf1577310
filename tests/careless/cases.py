"""What a case is: a slip, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = "family,factor,privacy_budget,data_size\n"
SMALL: dict[str, Any] = {"owners": 8, "bidders": 4, "rounds": 2, "task": "synthetic", "task_options": {"records": 400}}


@dataclass(frozen=True)
class Case:
    """A slip.

    Parameters
    ----------
    kind : str
        Where it happens.
    did : str
        What somebody did, as the page says it.
    make : callable
        Does it in a directory; what it returns or raises is what came of it.
    """

    kind: str
    did: str
    make: Callable[[Path], Any]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
