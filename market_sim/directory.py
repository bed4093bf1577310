"""Directories to write: complete or not there, and never in the place of something else.

What is being written lies in a scratch directory beside its place, ``.NAME-HOST-PID-…``. Those of processes that ended
without removing them are removed by the next one that writes there.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from agents.files import flush


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
    return Path(value).expanduser()


def refuse_foreign(out: Path, ours: Collection[str], within: tuple[str, ...] = ()) -> None:
    """Refuse to write to ``out`` if it holds files other than ``ours`` (named relative to it).

    Files in its directories whose names begin with one of ``within`` are ours too.

    Raises
    ------
    FileExistsError, NotADirectoryError
        Naming what is there, and the remedy.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise NotADirectoryError(f"out = {str(out)!r} is a file; pass the name of a new directory")
    foreign = [name for name in files_in(out) if name not in ours and not ("/" in name and name.startswith(within))]
    if foreign:
        raise FileExistsError(
            f"out = {str(out)!r} holds something else ({', '.join(foreign[:3])}); "
            "pass a new directory or remove this one first"
        )


def prepare(out: Path) -> None:
    """Make the directory above ``out`` and try to write there, so that no work is done in vain.

    What processes that ended half-way left there is removed.

    Raises
    ------
    OSError
        If that is not possible; the message says why.
    """
    above = out.absolute().parent
    try:
        above.mkdir(parents=True, exist_ok=True)
        sweep(out)
        with _scratch(out):
            pass
    except OSError as error:
        raise type(error)(
            f"out = {str(out)!r} cannot be written ({error.strerror or error}); pass a directory that can be made"
        ) from None


@contextmanager
def replacing(out: Path, check: Callable[[], None]) -> Iterator[Path]:
    """Give a fresh directory to write into; it takes the place of ``out`` when the block is left without an error.

    What was at ``out`` stays there until the exchange, which is one step where the system has one for it (Linux and
    macOS, on most file systems). Both are on disk when the block is left.

    Parameters
    ----------
    out : Path
        What is there comes back if it cannot be replaced.
    check : callable
        Called just before the exchange; raises if what is there by now may not be replaced.
    """
    target = out.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(target) as scratch:
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        yield fresh
        for path in [*fresh.rglob("*"), fresh]:
            flush(path)
        check()
        if not target.exists() or not _exchanged(fresh, target):
            if target.exists():
                os.replace(target, old)
            try:
                os.replace(fresh, target)
            except BaseException:
                if old.exists():
                    os.replace(old, target)
                raise
        flush(target.parent)


def files_in(directory: Path) -> list[str]:
    """Names of all files below a directory, relative to it; links count as files."""
    return sorted(
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


def sha256_of(file: Path) -> str:
    """Hash of a file's content, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Give a directory of this process beside ``target``, and remove it afterwards."""
    prefix = f".{target.name}-{_host()}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.absolute().parent, ignore_cleanup_errors=True) as made:
        yield Path(made)


def sweep(out: Path) -> None:
    """Remove scratch directories for ``out`` whose processes, on this machine, are no more.

    An ``out`` that such a process had moved aside and not yet replaced comes back.
    """
    above, name = out.absolute().parent, out.name
    form = re.compile(rf"\.{re.escape(name)}-{re.escape(_host())}-(\d+)-[^-]+")
    for path in above.glob(f".{glob.escape(name)}-*"):
        found = form.fullmatch(path.name)
        if found is None or _runs(int(found[1])):
            continue
        old, target = path / "old", above / name
        if old.is_dir() and not target.exists():
            with suppress(OSError):
                os.replace(old, target)
        shutil.rmtree(path, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname()) or "localhost"


def _runs(process: int) -> bool:
    """Whether a process of this machine is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _exchanged(one: Path, other: Path) -> bool:
    """Let two directories change places in one step; False where the system cannot."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            call, arguments = library.renamex_np, (os.fsencode(one), os.fsencode(other), 2)
        else:
            call, arguments = library.renameat2, (-100, os.fsencode(one), -100, os.fsencode(other), 2)
    except (AttributeError, OSError, TypeError):
        return False
    if call(*arguments) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM):
        return False
    raise OSError(code, os.strerror(code), str(other))
