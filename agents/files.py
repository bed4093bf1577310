"""Files written whole or not at all, and figures as JSON: the same way everywhere."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO


def write_file(path: Path, content: bytes | str | Callable[[BinaryIO], Any]) -> None:
    """Write a file that afterwards is complete or as it was: written beside it, renamed, flushed to disk.

    Parameters
    ----------
    path : Path
        Its directory is made if it is not there.
    content : bytes, str or callable
        Text is encoded as UTF-8; a callable is handed the open binary file.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # A draft may be read by its owner alone; what takes its place is as readable as any file she makes.
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    flush(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file; when this returns it is on disk.

    A process that is killed meanwhile leaves at most one incomplete line, the last, which has no end.
    """
    new = not path.exists()
    with path.open("ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        flush(path.parent)


def flush(path: Path) -> None:
    """Have a file or directory written to disk; systems that cannot do it for a directory do nothing.

    A file that was renamed is on disk under its new name once its directory is.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(handle)


def to_json(value: Any) -> str:
    """Figures as a JSON document with a last newline; what is not finite is ``null``.

    Parameters
    ----------
    value : mapping, sequence or scalar
        Nested as needed; numpy's and torch's scalars count as Python's, a path as its text.

    Raises
    ------
    TypeError
        For anything that is neither.
    """
    return json.dumps(plain(value), indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """``value`` of nothing but dicts with text as keys, lists, text, numbers that are finite, booleans and None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if not isinstance(value, str | int | float | None) and callable(getattr(value, "item", None)):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _umask() -> int:
    """The process's mask for new files; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
