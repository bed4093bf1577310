"""Keeping two writers out of one place, on one machine and on a shared folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked(out: Path, name: str = "out") -> Iterator[None]:
    """Hold ``out`` alone inside the block; a process that ends in whatever way holds nothing any more.

    The lock is a file ``.NAME.lock`` beside ``out``, removed at the end. Whoever holds ``out`` may lock it again.

    Parameters
    ----------
    out : Path
        A directory or file to write; it need not be there, the directory above it is made.
    name : str
        How the argument is called, for the message.

    Raises
    ------
    BlockingIOError
        At once, if another process writes there, naming it.
    """
    target = out.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name}.lock")
    lock = FileLock(path, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"{name} = {str(out)!r} is being written by {_holder(path)}; wait for its end, or pass another name"
        ) from None
    try:
        if lock.lock_counter == 1:
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        # Removed before it is given up, so that nobody is left with a lock on a file that is gone.
        if lock.lock_counter == 1:
            path.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
