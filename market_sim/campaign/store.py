"""What a campaign leaves on disk until it is complete: a manifest of the jobs, and parts with their tables.

The manifest is a directory of files, one per process that writes, of which each is only ever added to: a line of JSON
per attempt at a job. A line is written once the job's tables are on disk, so that what it says is there.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agents.files import append_line, to_json, write_file
from market_sim.campaign import parts
from market_sim.campaign.job import JobResult

IDENTITY, MANIFEST, PARTS, RUNNING, MARK = "campaign.json", "manifest", "parts", "running", "mark"
FORMAT = "fl-market campaign 1"
DONE, FAILED, KILLED = "done", "failed", "killed"


@dataclass(frozen=True)
class Entry:
    """One attempt at a job.

    Parameters
    ----------
    key : str
    status : {"done", "failed", "killed"}
        Killed: the process that played it was ended by the system.
    attempt : int
        Counted from 1.
    seconds : float
    host : str
        Where it was played.
    part, start, places
        Where its tables are (``parts``).
    figures : mapping
        Of the ``JobResult``.
    error, input : str
        Of a failure: the traceback, and what the job was called with.
    """

    key: str
    status: str
    attempt: int = 1
    seconds: float = 0.0
    host: str = ""
    part: str = ""
    start: int = 0
    places: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    input: str = ""


@dataclass(frozen=True)
class Store:
    """The directory of one campaign, as one process sees it: it adds to files of its own and reads all.

    Parameters
    ----------
    directory : Path
    mark : str
        Content of a file in it, by which another machine recognises that it sees the same directory.
    writer : str
        Name of this process's files.
    """

    directory: Path
    mark: str
    writer: str

    @classmethod
    def open(cls, directory: Path, identity: Mapping[str, Any]) -> Store:
        """Make the directory of a campaign, or go on with it.

        Parameters
        ----------
        directory : Path
        identity : mapping
            What the results depend on besides the keys of the jobs: settings, versions.

        Raises
        ------
        FileExistsError
            If it holds the results of another campaign; the message says what differs.
        """
        told = json.loads(json.dumps(dict(identity)))
        there = _identity(directory)
        if there is None:
            for name in (MANIFEST, PARTS, RUNNING):
                (directory / name).mkdir(parents=True, exist_ok=True)
            mark = secrets.token_hex(8)
            write_file(directory / MARK, mark)
            write_file(directory / IDENTITY, to_json({"format": FORMAT, "identity": told}))
        elif differing := _differing(there, told):
            raise FileExistsError(
                f"{str(directory)!r} was begun with other {', '.join(differing[:5])}; pass the same to go on, or "
                "remove it to begin again"
            )
        else:
            mark = (directory / MARK).read_text(encoding="utf-8")
        return cls(directory, mark, _writer())

    def of_this_process(self) -> Store | None:
        """The same directory seen by a worker; None if it is on another machine and not shared with it."""
        try:
            seen = (self.directory / MARK).read_text(encoding="utf-8") == self.mark
            if seen:
                append_line(self.directory / MANIFEST / f"{(name := _writer())}.jsonl", "")
                return Store(self.directory, self.mark, name)
        except OSError:
            pass
        return None

    def keep(self, result: JobResult, entry: Entry) -> Entry:
        """Write the tables and figures of a job that is done, and note it."""
        content, places = parts.packed(result.tables)
        return self.keep_packed(content, {**asdict(entry), "places": places, "figures": dict(result.figures)})

    def keep_packed(self, content: bytes, told: Mapping[str, Any]) -> Entry:
        """Write tables that are packed already, and note the job."""
        part = f"{self.writer}.arrow"
        start = parts.add(self.directory / PARTS / part, content) if content else 0
        entry = Entry(**{**told, "part": part, "start": start})
        self.note(entry)
        return entry

    def note(self, entry: Entry) -> None:
        """Add a line to the manifest."""
        append_line(self.directory / MANIFEST / f"{self.writer}.jsonl", json.dumps(asdict(entry)))

    def begin(self, key: str) -> None:
        """Say what this process is playing: if it is killed, this is known."""
        (self.directory / RUNNING / self.writer).write_text(key, encoding="utf-8")

    def end(self) -> None:
        """Say that this process plays nothing."""
        (self.directory / RUNNING / self.writer).unlink(missing_ok=True)

    def running(self) -> list[str]:
        """Keys of the jobs that processes had begun and did not end, and forget them."""
        found = []
        for file in (self.directory / RUNNING).iterdir():
            found.append(file.read_text(encoding="utf-8"))
            file.unlink(missing_ok=True)
        return found

    def read(self, entry: Entry, kind: str) -> Any:
        """Return a table of a job as a ``pyarrow.Table``."""
        return parts.read(self.directory / PARTS / entry.part, entry.start, entry.places[kind])

    def done(self) -> dict[str, Entry]:
        """Jobs that are done and whose tables are there as they were written, by key."""
        return {
            entry.key: entry
            for entry in self.entries()
            if entry.status == DONE and parts.intact(self.directory / PARTS / entry.part, entry.start, entry.places)
        }

    def entries(self) -> list[Entry]:
        """Every attempt that is noted, of all processes."""
        return list(entries_in(self.directory))


@contextmanager
def kept_in(directory: Path | None) -> Iterator[Path]:
    """Give a directory for a campaign: this one, which stays, or one that is removed at the end."""
    if directory is not None:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="fl-market-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def entries_in(directory: Path) -> Iterable[Entry]:
    """Attempts noted in the directory of a campaign; what a killed process wrote of a line is left out."""
    for file in sorted((directory / MANIFEST).glob("*.jsonl")):
        for line in file.read_bytes().split(b"\n")[:-1]:
            if line.strip():
                try:
                    yield Entry(**json.loads(line))
                except (ValueError, TypeError):
                    raise ValueError(f"{file} is damaged: remove {str(directory)!r} and begin again") from None


def _identity(directory: Path) -> Any:
    path = directory / IDENTITY
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["format"]
        if found == FORMAT:
            return content["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if isinstance(found, str) and found.startswith(FORMAT.rstrip("0123456789")):
        raise FileExistsError(
            f"{path} is of format {found!r}; this version reads {FORMAT!r}: remove {str(directory)!r}"
        )
    raise FileExistsError(f"{path} is not one of ours: pass another directory, or remove this one")


def _differing(there: Any, told: Mapping[str, Any], above: str = "") -> list[str]:
    """Names of the entries that differ, of mappings those within."""
    if not isinstance(there, Mapping):
        return [above or "settings"]
    found = []
    for name in dict.fromkeys([*told, *there]):
        one, other = there.get(name), told.get(name)
        if one != other:
            inner = isinstance(one, Mapping) and isinstance(other, Mapping)
            found += _differing(one, other, f"{above}{name}.") if inner else [f"{above}{name}"]  # type: ignore[arg-type]
    return found


def _writer() -> str:
    host = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname()) or "localhost"
    return f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
