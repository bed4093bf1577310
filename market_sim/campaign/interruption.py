"""SIGTERM, and SIGHUP where it is not ignored, end a program as Ctrl-C does: what is finished is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("SIGTERM", "SIGHUP")


@contextmanager
def like_ctrl_c() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at these signals inside the block; in the main thread, elsewhere nothing changes.

    A signal that is ignored, as SIGHUP under ``nohup``, stays so.
    """
    before: dict[Any, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
