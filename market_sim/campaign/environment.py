"""What a job's result depends on besides its arguments: versions, our own sources and checkpoints, data files."""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "scipy", "mesa", "pandas", "pyarrow", "scikit-learn")
HOUSE = Path(__file__).resolve().parents[2]
DECIDING = ("agents", "market_sim", "analysis")
"""Our packages whose sources and checkpoints decide what a job finds."""


@functools.cache
def environment() -> dict[str, Any]:
    """Versions of Python and of the packages used, and hashes of our own sources and checkpoints."""
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        **{f"sources of {name}": _tree(HOUSE / name, (".py",)) for name in DECIDING},
        "checkpoints": _tree(HOUSE / "agents", (".safetensors", ".json")),
    }


def hashes(files: Iterable[str | Path]) -> dict[str, str]:
    """SHA-256 of files, by absolute path."""
    found = {}
    for file in map(Path, files):
        with file.open("rb") as opened:
            found[str(file.absolute())] = hashlib.file_digest(opened, "sha256").hexdigest()
    return found


def differences(expected: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    """What is different in this process, in words; nothing if jobs find here what they find where they come from."""
    here = environment()
    found = [
        f"{name} {here.get(name)} instead of {wanted}" if not name.startswith(("sources", "checkpoints"))
        else f"other {name}"
        for name, wanted in expected.items()
        if here.get(name) != wanted
    ]  # fmt: skip
    for file, wanted in files.items():
        try:
            if hashes([file])[file] != wanted:
                found.append(f"another {file}")
        except (OSError, KeyError):
            found.append(f"no {file}")
    return found


def _version(package: str) -> str | None:
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return None


def _tree(root: Path, endings: tuple[str, ...]) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in endings):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
