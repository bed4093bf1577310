"""Training that can be interrupted: its state is kept beside the checkpoint to be, and the next start goes on from it.

Continued, a training ends with the bits it would have ended with uninterrupted.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.broker.training.base import Training, TrainingStep
from agents.saved_state import load_state, save_state

FORMAT = "fl-market training 2"
"""Marks the file of an unfinished training; the first one was a pickle."""

EVERY = 50
"""Steps between two saved states."""


def run_to_end(
    training: Training, *, state: Path | None = None, watch: Callable[[TrainingStep], None] | None = None
) -> None:
    """Make all steps that are left, from the state saved at ``state`` if there is one.

    Parameters
    ----------
    training : Training
    state : Path, optional
        File the state is kept in, replaced as a whole every ``EVERY`` steps and after the last one; the caller removes
        it once the result is safe.
    watch : callable, optional
        Called after every step.

    Raises
    ------
    ValueError
        If the saved state is damaged or another training's.
    KeyboardInterrupt
        Again, saying how many steps are in the saved state. Ctrl-C waits for the end of the step, and all steps are
        saved; a second one does not wait, and those made since the last saved state are lost.
    """
    if state is not None and state.exists():
        _resume(training, state)
    whole = False
    try:
        with _ctrl_c_after_the_step() as asked:
            while training.done < training.steps:
                whole = False
                step = training.step()
                whole = True
                if watch is not None:
                    watch(step)
                if state is not None and (training.done % EVERY == 0 or training.done == training.steps):
                    _save(training, state)
                if asked:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        if state is None:
            raise
        # What was saved after a whole step stays what it is if the interruption came within one.
        if whole:
            _save(training, state)
        raise KeyboardInterrupt(saved_progress(state, training.steps)) from None


@contextmanager
def _ctrl_c_after_the_step() -> Iterator[list[int]]:
    """Note the first Ctrl-C in the list that is yielded, and let only a second one interrupt."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # Only the main thread is interrupted by Ctrl-C.
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def saved_progress(state: Path, steps: int) -> str:
    """What an interrupted training of so many steps leaves behind, in words."""
    kept = _read(state).done if state.exists() else 0
    return (
        f"{kept} of {steps} steps are in {state}; the same command goes on from there"
        if kept
        else "nothing was written"
    )


def _save(training: Training, path: Path) -> None:
    saved = {
        "format": FORMAT,
        "identity": _text(training.identity),
        "done": training.done,
        "state": training.state_dict(),
    }
    save_state(path, saved)


def _resume(training: Training, path: Path) -> None:
    saved = _read(path)
    if saved.identity != _text(training.identity):
        raise ValueError(
            f"state {path} is of another training (its recipe, prior or device differ): "
            "finish that one with the command it was started with, or remove the file"
        )
    try:
        training.load_state_dict(saved.state)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"state {path} cannot be read ({type(error).__name__}: {error}): {_REMEDY}") from None


class _Saved(BaseModel):
    """What the file of an unfinished training holds."""

    model_config = ConfigDict(strict=True, arbitrary_types_allowed=True)

    format: Literal["fl-market training 2"]
    identity: str
    done: Annotated[int, Field(ge=0)]
    state: dict[str, Any]


def _read(path: Path) -> _Saved:
    try:
        return _Saved.model_validate(load_state(path))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise ValueError(f"state {path} cannot be read (field {where!r}: {fault['msg']}): {_REMEDY}") from None
    except ValueError as error:
        raise ValueError(f"state {path} cannot be read ({error}): {_REMEDY}") from None


_REMEDY = "remove it and start again"


def _text(identity: Mapping[str, Any]) -> str:
    return json.dumps(identity, sort_keys=True, default=str)
