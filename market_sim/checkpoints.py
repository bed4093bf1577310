"""An unfinished run on disk: the rows so far in closed files, and the state that the next process goes on from.

They lie beside the directory of the run, in one of its name with ``.unfinished``, and go when the run is complete.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.checks import number, whole
from agents.files import flush
from agents.saved_state import load_state, save_state
from market_sim.directory import sha256_of
from market_sim.model import FLMarket
from market_sim.row_store import RowStore
from market_sim.saved_market import load_into, state_of

FORMAT = "fl-market unfinished run 1"
ROWS_IN_MEMORY = 1 << 17
"""Rows after which they are written to disk, however short ago the last checkpoint was."""

_STATE = "state.safetensors"


def unfinished(out: Path) -> Path:
    """Where what a run has done so far lies until it is complete."""
    return out.with_name(f"{out.name}.unfinished")


def discard(out: Path) -> None:
    """Remove what a run to ``out`` that is complete by now left behind while it was not."""
    directory = unfinished(out)
    (directory / _STATE).unlink(missing_ok=True)  # First, or a half removed run would seem damaged.
    shutil.rmtree(directory, ignore_errors=True)


class Checkpoints:
    """What a run that is written to ``out`` leaves on disk while it runs.

    Parameters
    ----------
    out : Path
    identity : mapping
        All that the rows depend on, as JSON gives it back. Only a run of the same identity goes on from here.
    resumable : bool
        Whether the market says all that it remembers; if not, its rows are kept on disk and no state with them.
    rounds : int, optional
        Rounds between two checkpoints; without, only time counts.
    seconds : float
        After a round that ends as long as this after the last checkpoint comes another one.
    """

    def __init__(
        self, out: Path, identity: Mapping[str, Any], *, resumable: bool, rounds: int | None, seconds: float
    ) -> None:
        self.out, self.directory = out, unfinished(out)
        self.identity = json.loads(json.dumps(dict(identity)))
        self.resumable = resumable
        self.rounds = None if rounds is None else whole("checkpoint_rounds", rounds, minimum=1)
        self.seconds = number("checkpoint_seconds", seconds)
        self._parts: dict[str, str] = {}
        self._last = time.monotonic()
        self._last_round = 0

    def resume(self, model: FLMarket) -> RowStore:
        """Let a market that was just made go on from the last checkpoint, if there is one; return the rows before it.

        Raises
        ------
        FileExistsError
            If the directory holds another unfinished run.
        ValueError
            If a file of it is damaged, naming it.
        """
        rows = RowStore()
        path = self.directory / _STATE
        if not path.is_file() or not self.resumable:
            self.remove()
            return rows
        state = self._read(path)
        self._parts = state["parts"]
        for name, digest in self._parts.items():
            file = self.directory / name
            if not file.is_file() or sha256_of(file) != digest:
                raise ValueError(f"{file} is missing or damaged; {self._start_anew}")
            rows.open_part(file)
        for file in self.directory.iterdir():  # What was being written when the last process ended.
            if file.name != _STATE and file.name not in self._parts:
                file.unlink()
        try:
            load_into(model, state["market"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is of another market ({error}); {self._start_anew}") from None
        self._last_round = model.round
        return rows

    def due(self, model: FLMarket, rows: int) -> bool:
        """Whether it is time for a checkpoint, with so many rows in memory."""
        if rows >= ROWS_IN_MEMORY:
            return True
        if self.rounds is not None and model.round - self._last_round >= self.rounds:
            return True
        return time.monotonic() - self._last >= self.seconds

    def keep(self, model: FLMarket, rows: RowStore) -> None:
        """Write a checkpoint of a market between two rounds; the one before it counts until this one is complete.

        Raises
        ------
        OSError
            If it cannot be written: path, reason, what is kept and the remedy.
        """
        with self.explained(self.directory):
            if not self.directory.is_dir():
                self.directory.mkdir(parents=True)
                flush(self.directory.parent)
            written = rows.close_part(self.directory / f"{model.round:09d}")
            self._parts.update({file.name: sha256_of(file) for file in written})
            flush(self.directory)
            if self.resumable:
                state = {
                    "format": FORMAT,
                    "identity": self.identity,
                    "parts": self._parts,
                    "market": state_of(model),
                }
                save_state(self.directory / _STATE, state)
                flush(self.directory)
        self._last, self._last_round = time.monotonic(), model.round

    def remove(self) -> None:
        """Remove what is there: the run is complete, or cannot be gone on with."""
        discard(self.out)

    @property
    def round(self) -> int:
        """Rounds before the last checkpoint; 0 if the next process starts anew."""
        return self._last_round if self.resumable else 0

    @property
    def _start_anew(self) -> str:
        return f"remove {self.directory} to start anew"

    def _read(self, path: Path) -> dict[str, Any]:
        """The last checkpoint, if it is one of this run."""
        try:
            state = load_state(path)
        except ValueError as error:
            raise ValueError(f"{error}; {self._start_anew}") from None
        found = state.get("format")
        if found != FORMAT:
            raise ValueError(f"{path}: an unfinished run of format {found!r}, not {FORMAT!r}; {self._start_anew}")
        if state.get("identity") != self.identity:
            differs = _first_difference(state.get("identity"), self.identity)
            raise FileExistsError(
                f"{self.directory} holds another unfinished run ({differs}): finish it with the command that began it, "
                "pass a new directory, or remove this one first"
            )
        return state

    @contextmanager
    def explained(self, place: Path) -> Iterator[None]:
        """Say of whatever the file system refuses at ``place`` where that was, what is kept and what to do."""
        try:
            yield
        except FileExistsError:
            raise
        except OSError as error:
            kept = "no round is kept"
            if self._parts:
                kept = f"the {self._last_round} rounds before the last checkpoint are in {self.directory}"
            raise type(error)(
                f"{place} cannot be written ({error.strerror or error}); {kept}: make room or have writing allowed, "
                "and give the same command again"
            ) from error


def _first_difference(found: Any, wanted: Any, name: str = "") -> str:
    """Where two JSON values differ first."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys([*wanted, *found]):
            if found.get(key) != wanted.get(key):
                return _first_difference(found.get(key), wanted.get(key), f"{name}.{key}" if name else key)
    return f"{name} = {found!r} there, {wanted!r} here"
