"""The directory a scenario leaves behind: complete or not there, and never in the place of something else."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "scenario.json"
FORMAT = "fl-market scenario 1"


@contextmanager
def scenario_directory(out: Path, played: Mapping[str, Any]) -> Iterator[Path]:
    """Give a scratch directory to write into; it takes the name ``out`` once everything in it is complete.

    Parameters
    ----------
    out : Path
        New, empty, or holding an earlier run of exactly the same, which is then replaced.
    played : mapping
        What was played, as JSON holds it: scenario, seed, configuration. Kept in ``scenario.json``.

    Raises
    ------
    FileExistsError, NotADirectoryError
        Before any work, if ``out`` holds anything else.
    """
    target = out.absolute()
    _refuse_foreign(target, out, played)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh, old = Path(scratch, "new"), Path(scratch, "old")
        fresh.mkdir()
        yield fresh
        manifest = {"format": FORMAT, "played": dict(played), "files": _files(fresh)}
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        _refuse_foreign(target, out, played)
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(fresh, target)
        except BaseException:
            if old.exists():
                os.replace(old, target)
            raise


def _refuse_foreign(target: Path, out: Path, played: Mapping[str, Any]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise NotADirectoryError(f"out = {str(out)!r} is a file; pass the name of a new directory")
    files = _files(target)
    manifest = _manifest(target)
    known = {MANIFEST, *manifest["files"]} if manifest is not None and manifest["played"] == dict(played) else set()
    foreign = sorted(set(files) - known)
    if foreign:
        raise FileExistsError(
            f"out = {str(out)!r} holds something else ({', '.join(foreign[:3])}); "
            "pass a new directory or remove this one first"
        )


def _files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir())


def _manifest(directory: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(content, dict) and content.get("format") == FORMAT and {"played", "files"} <= content.keys()
    return content if ours else None
