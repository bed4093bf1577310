"""Everything public is documented, and what is offered by name says what it takes, gives and refuses."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import analysis
import market_sim

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for floor in ("agents", "market_sim", "analysis", "scenarios") for path in (ROOT / floor).rglob("*.py")
)
OFFERED = {name: getattr(package, name) for package in (market_sim, analysis) for name in package.__all__}


def public(tree: ast.Module) -> list[ast.AST]:
    """The module, its public functions and classes, and their public methods."""
    found: list[ast.AST] = [tree]
    for part in tree.body:
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and not part.name.startswith("_"):
            found.append(part)
            if isinstance(part, ast.ClassDef):
                found += [inner for inner in part.body if isinstance(inner, ast.FunctionDef) and inner.name[0] != "_"]
    return found


def test_every_public_module_class_function_and_method_has_a_docstring():
    missing = [
        f"{path.relative_to(ROOT)}: {getattr(part, 'name', 'the module')}"
        for path in SOURCES
        for part in public(ast.parse(path.read_text()))
        if not ast.get_docstring(part) and not overloaded(part)
    ]
    assert missing == []


def overloaded(part: ast.AST) -> bool:
    """Whether it is only a form that a type checker reads."""
    decorators = getattr(part, "decorator_list", [])
    return any(getattr(each, "id", getattr(each, "attr", "")) in ("overload", "setter") for each in decorators)


CALLABLE = sorted(name for name, value in OFFERED.items() if callable(value))


@pytest.mark.parametrize("name", CALLABLE)
def test_what_is_offered_by_name_says_what_every_argument_is(name):
    value = OFFERED[name]
    text = inspect.getdoc(value) or ""
    assert text, name
    try:
        parameters = inspect.signature(value).parameters
    except ValueError:
        return
    told = set(re.findall(r"[\w*]+", " ".join(re.findall(r"^([\w*][\w*, ]*?)(?: :.*)?$", text, flags=re.M))))
    for argument, parameter in parameters.items():
        if argument.startswith("_") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        assert argument in told, f"{name}({argument}=...) is not described"
