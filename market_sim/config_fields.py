"""The fields of a market's configuration as its source describes them: values, defaults, meaning.

They are read without importing the configuration, so that help is instant.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"(?P<names>\w+(, \w+)*) : (?P<values>.+)")


@dataclass(frozen=True)
class FieldDescription:
    """One field of ``MarketConfig``.

    Parameters
    ----------
    name : str
    values : str
        What it takes.
    default : str
        As it is written in Python; ``None`` where it may be left out and then follows from others or means no limit.
    meaning : str
    """

    name: str
    values: str
    default: str
    meaning: str


@functools.cache
def described_fields() -> dict[str, FieldDescription]:
    """All fields by name, in the order of the documentation."""
    source = Path(__file__).with_name("config.py").read_text(encoding="utf-8")
    (config,) = (
        part for part in ast.parse(source).body if isinstance(part, ast.ClassDef) and part.name == "MarketConfig"
    )
    defaults = {
        statement.target.id: _default(statement.value)
        for statement in config.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value
    }
    parameters = (ast.get_docstring(config) or "").partition("Parameters\n----------\n")[2].partition("\nRaises\n")[0]
    found: dict[str, tuple[str, list[str]]] = {}
    current: list[str] = []
    for line in parameters.splitlines():
        head = _HEAD.fullmatch(line)
        if head is not None:
            current = []
            for name in head["names"].split(", "):
                found[name] = (head["values"], current)
        elif line.strip():
            current.append(line.strip())
    return {
        name: FieldDescription(name, values, defaults[name], " ".join(lines).replace("``", ""))
        for name, (values, lines) in found.items()
    }


def _default(value: ast.expr) -> str:
    """A default as one would write it; of a factory, what it makes."""
    if isinstance(value, ast.Call):
        (made,) = (word.value for word in value.keywords if word.arg == "default_factory")
        return ast.unparse(made.body) if isinstance(made, ast.Lambda) else "{}"
    return ast.unparse(value)
