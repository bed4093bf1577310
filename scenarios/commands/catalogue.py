"""Finding scenarios: every module of this package that asks a question and has a ``run`` is one."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any, Protocol, cast

import scenarios
from agents.checks import one_of
from scenarios.commands.answer import Answer


class Scenario(Protocol):
    """What ``run`` of a scenario module looks like."""

    def __call__(self, *, seed: int, out: Path, progress: bool, **further: Any) -> Answer:
        """Play it, write the run directory ``out`` and answer the question; some take ``fields`` of a market."""
        ...


def scenario_questions() -> dict[str, str]:
    """Questions by scenario name (the module's, with hyphens), read from the source without importing it.

    A scenario is a module with a top-level function ``run`` whose docstring's first line ends in a question mark.
    """
    found = {}
    for folder in map(Path, scenarios.__path__):
        for module in pkgutil.iter_modules([str(folder)]):
            if module.ispkg:
                continue
            tree = ast.parse((folder / f"{module.name}.py").read_text(encoding="utf-8"))
            question = (ast.get_docstring(tree) or "").partition("\n")[0]
            runs = any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)
            if runs and question.endswith("?"):
                found[module.name.replace("_", "-")] = question
    return dict(sorted(found.items()))


def load_scenario(name: str) -> Scenario:
    """Return the ``run`` of a scenario.

    Raises
    ------
    ValueError
        If there is none of that name; the message names the nearest.
    """
    known = one_of("scenario", name, scenario_questions())
    return cast(Scenario, importlib.import_module(f"scenarios.{known.replace('-', '_')}").run)
