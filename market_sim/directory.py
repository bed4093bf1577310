"""Directories to write: complete or not there, and never in the place of something else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def directory_of(name: str, value: Any) -> Path:
    """Return an argument as a path, or say what is wrong with it.

    Raises
    ------
    TypeError, ValueError
        If it is neither a name nor a path, or empty.
    """
    if not isinstance(value, str | Path):
        raise TypeError(f"{name} = {value!r}: pass the name of a directory")
    if not str(value).strip():
        raise ValueError(f"{name} = {value!r} is empty; pass the name of a directory")
    return Path(value)


def refuse_foreign(out: Path, ours: Collection[str]) -> None:
    """Refuse to write to ``out`` if it holds files other than ``ours`` (named relative to it).

    Raises
    ------
    FileExistsError, NotADirectoryError
        Naming what is there, and the remedy.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise NotADirectoryError(f"out = {str(out)!r} is a file; pass the name of a new directory")
    foreign = sorted(set(files_in(out)) - set(ours))
    if foreign:
        raise FileExistsError(
            f"out = {str(out)!r} holds something else ({', '.join(foreign[:3])}); "
            "pass a new directory or remove this one first"
        )


def prepare(out: Path) -> None:
    """Make the directory above ``out`` and try to write there, so that no work is done in vain.

    Raises
    ------
    OSError
        If that is not possible; the message says why.
    """
    above = out.absolute().parent
    try:
        above.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=above).cleanup()
    except OSError as error:
        raise type(error)(
            f"out = {str(out)!r} cannot be written ({error.strerror or error}); pass a directory that can be made"
        ) from None


@contextmanager
def replacing(out: Path, check: Callable[[], None]) -> Iterator[Path]:
    """Give a fresh directory to write into; it takes the place of ``out`` when the block is left without an error.

    Parameters
    ----------
    out : Path
        What is there comes back if it cannot be replaced.
    check : callable
        Called just before the exchange; raises if what is there by now may not be replaced.
    """
    target = out.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh, old = Path(scratch, "new"), Path(scratch, "old")
        fresh.mkdir()
        yield fresh
        check()
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(fresh, target)
        except BaseException:
            if old.exists():
                os.replace(old, target)
            raise


def files_in(directory: Path) -> list[str]:
    """Names of all files below a directory, relative to it; links count as files."""
    return sorted(
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )
