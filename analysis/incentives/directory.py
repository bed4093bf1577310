"""The directory an audit leaves behind, and from which an interrupted one goes on."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.files import to_json, write_file
from agents.locks import locked
from analysis.formatting import counted
from analysis.incentives.results import AuditReport
from market_sim.campaign.store import DONE, entries_in
from market_sim.directory import directory_of, files_in, prepare

SETTINGS, FIGURES, CHUNKS = "settings.json", "audit.json", "chunks"


@dataclass(frozen=True)
class AuditDirectory:
    """Where figures, tables and, until they are complete, finished chunks are kept; nowhere if ``path`` is None."""

    path: Path | None

    @staticmethod
    @contextmanager
    def open(out: Path | str | None, settings: Mapping[str, Any]) -> Iterator[AuditDirectory]:
        """Make or reopen ``out`` for an audit with these settings.

        Raises
        ------
        FileExistsError, NotADirectoryError, OSError
            Before any work, if ``out`` holds anything but an audit with the same settings, or cannot be written.
        """
        if out is None:
            yield AuditDirectory(None)
            return
        path = directory_of("out", out)
        told = json.loads(json.dumps(settings))
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"out = {str(path)!r} is a file; pass the name of a new directory")
        if path.is_dir() and files_in(path):
            _require_same(path, told)
        prepare(path)
        path.mkdir(exist_ok=True)
        write_file(path / SETTINGS, to_json(told))
        with locked(path):
            try:
                yield AuditDirectory(path)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(_kept(path)) from None

    @property
    def chunks(self) -> Path | None:
        """Where finished chunks are kept."""
        return None if self.path is None else self.path / CHUNKS

    def finish(self, report: AuditReport) -> None:
        """Write figures and tables; the chunks have served."""
        if self.path is None:
            return
        for name, found in report.threats.items():
            for kind, table in (("owners", found.owners), ("curves", found.curves)):
                write_file(self.path / f"{kind}-{name}.parquet", functools.partial(table.to_parquet, index=False))
        write_file(self.path / FIGURES, to_json(report.figures()))
        shutil.rmtree(self.path / CHUNKS, ignore_errors=True)


def _kept(path: Path) -> str:
    """What an interrupted audit leaves behind, in words."""
    done = sum(entry.status == DONE for campaign in path.glob(f"{CHUNKS}/*") for entry in entries_in(campaign))
    if not done:
        return f"no chunk was finished; {path} holds the settings only"
    return f"{counted(done, 'finished chunk')} are in {path}: the same command goes on from there"


def _require_same(path: Path, settings: Mapping[str, Any]) -> None:
    try:
        there = json.loads((path / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise FileExistsError(
            f"out = {str(path)!r} holds something else ({', '.join(files_in(path)[:3])}); "
            "pass a new directory or remove this one first"
        ) from None
    other = [key for key in settings if not isinstance(there, dict) or there.get(key) != settings[key]]
    if other:
        raise FileExistsError(
            f"out = {str(path)!r} holds an audit with other settings ({', '.join(other)}); "
            "pass a new directory, or the same settings to go on with that one"
        )
