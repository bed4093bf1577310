"""The directory a scenario leaves behind: complete or not there, and never in the place of something else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.files import to_json, write_file
from market_sim.directory import directory_of, files_in, prepare, refuse_foreign, replacing

MANIFEST = "scenario.json"
FORMAT = "fl-market scenario 1"


@contextmanager
def scenario_directory(out: Path, played: Mapping[str, Any]) -> Iterator[Path]:
    """Give a scratch directory to write into; it takes the name ``out`` once everything in it is complete.

    Parameters
    ----------
    out : Path
        New, empty, or holding an earlier run of exactly the same, which is then replaced.
    played : mapping
        What was played, as JSON holds it: scenario, seed, configuration. Kept in ``scenario.json``.

    Raises
    ------
    FileExistsError, NotADirectoryError
        Before any work, if ``out`` holds anything else or cannot be written.
    """
    out = directory_of("out", out)

    def check() -> None:
        refuse_foreign(out, _files_of(out, played))

    check()
    prepare(out)
    with replacing(out, check) as fresh:
        yield fresh
        manifest = {"format": FORMAT, "played": dict(played), "files": files_in(fresh)}
        write_file(fresh / MANIFEST, to_json(manifest))


def _files_of(directory: Path, played: Mapping[str, Any]) -> list[str]:
    """Files that an earlier run of the same left there."""
    try:
        content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    ours = isinstance(content, dict) and content.get("format") == FORMAT and {"played", "files"} <= content.keys()
    return [MANIFEST, *content["files"]] if ours and content["played"] == dict(played) else []
