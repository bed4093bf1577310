"""What ``config.json`` of a run holds, and how it is read: whole, of this version, or refused with file and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

FAMILY, VERSION = "fl-market run", 4
FORMAT = f"{FAMILY} {VERSION}"
"""Marks a directory as ours in its ``config.json``."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RecordedAuction(BaseModel):
    """The auction of a run."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str
    rule: str | None = None
    checkpoint_sha256: Sha256 | None = None
    card_sha256: Sha256 | None = None
    network_sha256: Sha256 | None = None
    guarantees: dict[str, Any] = {}


class RunFile(BaseModel):
    """The entries of ``config.json``; others are left alone."""

    model_config = ConfigDict(extra="allow", strict=True)

    format: str
    seed: Annotated[StrictInt, Field(ge=0)]
    config: dict[str, Any]
    auction: RecordedAuction
    files: dict[str, Sha256]
    rounds_completed: Annotated[StrictInt, Field(ge=0)]
    interrupted: StrictBool
    repeatable: StrictBool = False
    data_files: dict[str, Sha256] = {}
    own_strategies: dict[str, dict[str, Any]] = {}
    versions: dict[str, str | None] = {}


class OtherFormatError(ValueError):
    """A run of another version."""


def read_run_file(file: Path) -> dict[str, Any] | None:
    """Return the content of a run's ``config.json``; None if it is not there or something else's.

    Raises
    ------
    OtherFormatError, ValueError
        If it is a run's, but of another version or damaged; the message names file and field.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is damaged: {error.reason} at byte {error.start}; {_REMEDY}") from None
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"{file} is damaged: it is nested too deeply; {_REMEDY}") from None
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}; {_REMEDY}") from None
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(found, str) or not found.startswith(f"{FAMILY} "):
        return None
    if found != FORMAT:
        raise OtherFormatError(
            f"{file} is of a run of format {found.removeprefix(FAMILY).strip()}; this version reads {VERSION}: read it "
            "with the version that wrote it, or run the market again"
        )
    try:
        RunFile.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{file}: {first_fault(error)}; {_REMEDY}") from None
    made: dict[str, Any] = content
    return made


def first_fault(error: ValidationError) -> str:
    """The first field that is wrong and what is wrong with it, in one clause."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"field {where!r}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


_REMEDY = "restore the file, or run the market again"
