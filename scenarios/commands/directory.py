"""The directory a scenario leaves behind: complete or not there, and never in the place of something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.files import to_json, write_file
from agents.locks import locked
from market_sim.directory import directory_of, files_in, prepare, refuse_foreign, replacing

MANIFEST = "scenario.json"
FORMAT = "fl-market scenario 1"


@contextmanager
def scenario_directory(out: Path, played: Mapping[str, Any]) -> Iterator[Path]:
    """Give a scratch directory to write into; it takes the name ``out`` once everything in it is complete.

    What campaigns keep for it in ``unfinished(out)`` is removed then.

    Parameters
    ----------
    out : Path
        New, empty, or holding an earlier run of exactly the same, which is then replaced.
    played : mapping
        What was played, as JSON holds it: scenario, seed, configuration. Kept in ``scenario.json``.

    Raises
    ------
    FileExistsError, NotADirectoryError, BlockingIOError
        Before any work, if ``out`` holds anything else, cannot be written or is being written.
    """
    out = directory_of("out", out)

    def check() -> None:
        refuse_foreign(out, _files_of(out, played))

    check()
    prepare(out)
    with locked(out):
        with replacing(out, check) as fresh:
            yield fresh
            manifest = {"format": FORMAT, "played": dict(played), "files": files_in(fresh)}
            write_file(fresh / MANIFEST, to_json(manifest))
        shutil.rmtree(unfinished(out), ignore_errors=True)


def unfinished(out: Path) -> Path:
    """Where the campaigns of a scenario keep what they have found until ``out`` is complete."""
    return out.with_name(f"{out.name}.unfinished")


def _files_of(directory: Path, played: Mapping[str, Any]) -> list[str]:
    """Files that an earlier run of the same left there."""
    try:
        content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    ours = isinstance(content, dict) and content.get("format") == FORMAT and {"played", "files"} <= content.keys()
    return [MANIFEST, *content["files"]] if ours and content["played"] == dict(played) else []
