"""Scenarios are discovered automatically: every module of this package that asks a question and defines ``run``."""

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

    def __call__(self, *, seed: int, out: Path, progress: bool, **scenario_kwargs: Any) -> Answer:
        """Play it, write the run directory ``out`` and answer the question; some take ``fields`` of a market."""
        ...


def scenario_questions() -> dict[str, str]:
    """Questions by scenario name (the module's, with hyphens), read from the source without importing it.

    A scenario is a module that defines ``run``, with ``def`` or as a variable, and whose docstring's first line ends in
    a question mark.
    """
    found = {}
    for folder in map(Path, scenarios.__path__):
        for module in pkgutil.iter_modules([str(folder)]):
            if module.ispkg:
                continue
            tree = ast.parse((folder / f"{module.name}.py").read_text(encoding="utf-8"))
            question = (ast.get_docstring(tree) or "").partition("\n")[0]
            if any(map(_defines_run, tree.body)) and question.endswith("?"):
                found[module.name.replace("_", "-")] = question
    return dict(sorted(found.items()))


def _defines_run(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "run" for target in statement.targets)
    return isinstance(statement, ast.FunctionDef) and statement.name == "run"


def load_scenario(name: str) -> Scenario:
    """Return the ``run`` of a scenario.

    Raises
    ------
    ValueError
        If there is none of that name; the message names the nearest.
    """
    known = one_of("scenario", name, scenario_questions())
    return cast(Scenario, importlib.import_module(f"scenarios.{known.replace('-', '_')}").run)
