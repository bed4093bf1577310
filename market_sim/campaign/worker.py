"""What happens in a worker: it is checked once, then plays the jobs that it is handed and keeps what they find."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from market_sim.campaign import parts
from market_sim.campaign.environment import differences
from market_sim.campaign.job import JobResult
from market_sim.campaign.store import DONE, FAILED, Entry, Store

LONGEST_INPUT = 2000
"""Characters of a failed job's arguments that are noted."""

_seen: dict[str, Store | None] = {}
_checked: set[str] = set()


@dataclass(frozen=True)
class Task:
    """A job on its way to a worker.

    Parameters
    ----------
    key : str
    attempt : int
    payload : bytes or tuple
        Function and arguments, pickled unless the job stays in its process.
    store : Store
        As the process that hands jobs out sees it.
    expected, files : mapping
        Versions and hashes that a worker must have (``environment``).
    """

    key: str
    attempt: int
    payload: bytes | tuple[Any, ...]
    store: Store
    expected: Mapping[str, Any]
    files: Mapping[str, str]


class RefusedWorkerError(ValueError):
    """Why a worker may not play: it would find something else."""


def perform(task: Task) -> tuple[Mapping[str, Any], bytes]:
    """Play one job; return its entry in the manifest, and its tables where this process cannot write them down.

    Raises
    ------
    RefusedWorkerError
        If this process has other versions or files.
    """
    check(task)
    if task.store.mark not in _seen:
        _seen[task.store.mark] = task.store.of_this_process()
    store = _seen[task.store.mark]
    entry, result = play(task, store)
    if store is None or result is None:
        content, places = parts.packed(result.tables) if result is not None else (b"", {})
        figures = dict(result.figures) if result is not None else {}
        told = {**asdict(entry), "places": places, "figures": figures}
        if store is not None:
            told = asdict(store.keep_packed(b"", told))
        return told, content
    return asdict(store.keep(result, entry)), b""


def play(task: Task, store: Store | None) -> tuple[Entry, JobResult | None]:
    """Call the job's function in one thread; an error is noted with traceback and arguments."""
    started = time.perf_counter()
    arguments: Any = ()
    if store is not None:
        store.begin(task.key)
    try:
        payload = task.payload
        function, arguments = pickle.loads(payload) if isinstance(payload, bytes) else payload
        with _one_thread():
            result = function(*arguments)
        if not isinstance(result, JobResult):
            raise TypeError(f"{function} returned {type(result).__name__}; a job returns a JobResult")
        status, error = DONE, ""
    except Exception as failure:
        result, status, error = None, FAILED, "".join(traceback.format_exception(failure))
        if isinstance(failure, MemoryError):
            error += "Out of memory: fewer jobs at a time (--jobs), or smaller ones, need less.\n"
    finally:
        if store is not None:
            store.end()
    seconds = round(time.perf_counter() - started, 3)
    told = repr(arguments)[:LONGEST_INPUT] if error else ""
    return Entry(task.key, status, task.attempt, seconds, socket.gethostname(), error=error, input=told), result


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch compute in one thread; a job that does not know torch need not load it."""
    torch = sys.modules.get("torch")
    threads = 1 if torch is None else torch.get_num_threads()
    if torch is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(threads)


def check(task: Task) -> None:
    """Refuse to play where something else would be found; once per campaign and process."""
    if task.store.mark in _checked:
        return
    found = differences(task.expected, task.files)
    if found:
        raise RefusedWorkerError(f"a worker on {socket.gethostname()} has {', '.join(found)}; {REMEDY}")
    _checked.add(task.store.mark)


REMEDY = "install the same versions and put the same files there"


def begin(parent: int) -> None:
    """Make ready a process of this machine: interruptions are its parent's business, with whom it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.3)
    os._exit(1)
