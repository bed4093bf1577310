"""What ``market-sim run SCENARIO --help`` says: the scenario's question, what it takes, how long it lasts."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import scenarios


def scenario_help(name: str, options: str) -> str:
    """Return the help of one scenario, read from its source.

    Parameters
    ----------
    name : str
        One of ``scenario_questions``.
    options : str
        The options of ``market-sim run``, for a scenario that takes the fields of a market.
    """
    source = Path(scenarios.__path__[0], f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    question = inspect.cleandoc(ast.get_docstring(tree) or "")
    parts = [question, f"Lasts {_constant(tree, 'DURATION', 'a while')} on two cores."]
    own = _constant(tree, "OPTIONS", "")
    if own:
        parts.append(f"Options: {own}")
    elif _takes_fields(tree):
        if compared := _compared(tree):
            parts.append(f"It compares markets that differ in {compared}, and sets these fields itself.")
        parts.append(options.strip())
    else:
        parts.append("Options: --seed, --out, --json; it plays markets of its own.")
    return "\n\n".join(parts)


def _constant(tree: ast.Module, name: str, otherwise: str) -> str:
    """A text that the module assigns to a name."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in statement.targets
        ):
            return str(ast.literal_eval(statement.value))
    return otherwise


def _takes_fields(tree: ast.Module) -> bool:
    """Whether ``run`` has an argument ``fields``, as that of every study has."""
    runs = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == "run"]
    return _study(tree) is not None or any(argument.arg == "fields" for run in runs for argument in run.args.kwonlyargs)


def _compared(tree: ast.Module) -> str:
    """Fields that a study sets itself."""
    study = _study(tree)
    names = next((word.value for word in study.keywords if word.arg == "compared"), None) if study else None
    return ", ".join(ast.literal_eval(names)) if names is not None else ""


def _study(tree: ast.Module) -> ast.Call | None:
    """The call of ``study`` that makes ``run``."""
    for part in tree.body:
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
            made, (name, *_) = part.value, part.targets
            if isinstance(name, ast.Name) and name.id == "run" and getattr(made.func, "id", "") == "study":
                return made
    return None
