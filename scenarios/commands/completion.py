"""What a shell may complete: names read from the file names of the parts, so that Tab is instant."""

from __future__ import annotations

import re
from pathlib import Path

KINDS = (
    "fields",
    "auctions",
    "guarantees",
    "strategies",
    "tasks",
    "models",
    "perturbations",
    "aggregations",
    "scenarios",
)
ROOT = Path(__file__).resolve().parents[2] / "agents"
FOLDERS = {"auctions": ROOT / "broker" / "auctions", "strategies": ROOT / "owner" / "strategies"}
_NAME = re.compile(r"^    name(?:: [^=]+)? = \"([a-z0-9-]+)\"$", re.MULTILINE)


def names_of(kind: str) -> list[str]:
    """Names of auctions, strategies, or of what ``market-sim list`` lists (``kinds``), in alphabetical order."""
    if kind == "kinds":
        return sorted(KINDS)
    files = FOLDERS[kind].glob("*.py")
    return sorted({name for file in files for name in _NAME.findall(file.read_text(encoding="utf-8"))})
