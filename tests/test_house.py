"""The house itself: what is packaged, what is pinned, and what may be read in the sources."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("agents", "market_sim", "analysis", "scenarios")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def test_every_package_is_installed_and_no_test_is():
    on_disk = {".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == on_disk


def test_every_module_stands_in_a_package():
    for path in SOURCES:
        assert (path.parent / "__init__.py").is_file(), path


def test_tests_mirror_the_tree():
    """A test file stands where the thing it tests stands, or tests a whole folder."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        assert folder.parts[:1] in ((), ("benchmarks",), ("browser",)) or (ROOT / folder).is_dir(), path


def test_constraints_pin_torch_first_and_everything_exactly():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines[0].startswith("torch==")
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-zA-Z.]*(; python_version (<|>=) \"3\.\d+\")?", line), line


def test_every_requirement_is_pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    extras = PROJECT["project"]["optional-dependencies"]
    for requirement in [*PROJECT["project"]["dependencies"], *itertools.chain(*extras.values())]:
        name = re.split(r"[\[<>=,]", requirement)[0].lower()
        assert name in pinned, requirement


def test_the_command_is_there():
    assert PROJECT["project"]["scripts"] == {"market-sim": "scenarios.commands.cli:app"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


READS_GLOBAL_GENERATORS = {ROOT / "agents/broker/checking" / name for name in ("inputs.py", "surroundings.py")}
"""They look whether a rule draws from the global generators, and put these back as they were."""

BORROWS_TORCHS = ROOT / "agents/models/registry.py"
"""torch draws the first parameters of a module from its global generator, which is put back as it was."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_global_randomness_and_nothing_printed(path):
    """Every stream is handed in; what is to be read goes through the command line."""
    text = path.read_text()
    if path in READS_GLOBAL_GENERATORS:
        text = re.sub(r"np\.random\.seed\(seed\)|^import random$", "", text, flags=re.M)
    if path == BORROWS_TORCHS:
        text = re.sub(r"(fork_rng\(devices=\[\]\):\s*)torch\.manual_seed", r"\1seeded", text)
    assert not re.search(r"torch\.manual_seed|np\.random\.(seed|rand|normal|choice|shuffle|uniform)\b", text)
    tree = ast.parse(text)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert "random" not in imported
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"print", "eval", "exec"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text())), "the first line of a file says what is in it"


def test_types_are_shipped_as_the_classifier_says():
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]
    for floor in FLOORS:
        assert (ROOT / floor / "py.typed").is_file()
        assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][floor]
