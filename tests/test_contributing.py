"""What CONTRIBUTING.md tells a newcomer to write works when she writes it."""

from __future__ import annotations

import importlib
import itertools
import re
import runpy
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.broker.auctions.registry import auction_classes
from agents.models.registry import model_modules
from agents.owner.strategies.registry import strategy_classes
from agents.perturbation.registry import perturbation_classes
from agents.tasks.registry import task_modules
from scenarios.commands.catalogue import load_scenario, scenario_questions

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
REGISTRIES = (auction_classes, strategy_classes, perturbation_classes, task_modules, model_modules)


class Block(NamedTuple):
    section: str
    file: str | None
    code: str


def blocks() -> list[Block]:
    found = []
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.M)[1:]:
        title = section.partition("\n")[0]
        for file, code in re.findall(r"^```python ?(\S*)\n(.*?)^```", section, flags=re.M | re.S):
            found.append(Block(title, file or None, code))
    return found


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """Writes a block to the file it names, in a folder that the package looks into as well, as an edit would."""
    written = []

    def write(block: Block) -> None:
        target = Path(block.file)
        package = importlib.import_module(".".join(target.parent.parts))
        folder = tmp_path / target.parent
        folder.mkdir(parents=True, exist_ok=True)
        (folder / target.name).write_text(block.code)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        written.append((package, target.stem))

    for registry in REGISTRIES:
        registry.cache_clear()
    yield write
    for package, stem in written:
        sys.modules.pop(f"{package.__name__}.{stem}", None)
        vars(package).pop(stem, None)
    for registry in REGISTRIES:
        registry.cache_clear()


@pytest.mark.parametrize("section", ["An auction", "A strategy", "A perturbation", "A task", "A model", "A scenario"])
def test_a_section_does_what_it_says(section, newcomer):
    chosen = [block for block in blocks() if block.section == section]
    assert any(block.file for block in chosen)
    for block in chosen:
        if block.file:
            newcomer(block)
        else:
            exec(compile(block.code, section, "exec"), {})


def test_the_perturbation_of_the_page_passes_the_contract(newcomer):
    (block,) = (block for block in blocks() if block.section == "A perturbation" and block.file)
    newcomer(block)
    contract = runpy.run_path(str(PAGE.parent / "tests/agents/perturbation/test_contract.py"))
    assert "one-bit" in contract["PURE"], "the contract finds it by itself"
    tests = [
        test for name, test in contract.items() if name.startswith("test_") and "name" in signature(test).parameters
    ]
    assert len(tests) > 8
    for test in tests:
        marks = {mark.args[0]: mark.args[1] for mark in test.pytestmark if mark.args[0] != "name"}
        for values in itertools.product(*marks.values()):
            test(name="one-bit", **dict(zip(marks, values, strict=True)))


def test_the_contract_tests_are_run_alone_as_the_page_says():
    said = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "contract"],
        cwd=PAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = re.findall(r"tests/\S+\.py", said)
    assert len(files) == len(set(files)) > 7
    for kind in ("broker/auctions", "owner/strategies", "perturbation", "tasks", "models", "attackers"):
        assert any(f"/{kind}/" in file and (PAGE.parent / file).is_file() for file in files), kind
    (file,) = re.findall(r"pytest (tests/\S+) -k one-bit", PAGE.read_text())
    assert (PAGE.parent / file).is_file()


def test_the_scenario_of_the_page_answers_its_question(newcomer, tmp_path):
    (block,) = (block for block in blocks() if block.section == "A scenario")
    newcomer(block)
    assert scenario_questions()["more-bidders"].endswith("?")
    answer = load_scenario("more-bidders")(seed=1, out=tmp_path / "out", progress=False)
    assert set(answer.figures["error_bound"]) == {5, 15}
    assert (tmp_path / "out" / "5-bidders" / "rounds.parquet").is_file()


def test_every_block_is_run():
    assert {block.section for block in blocks()} == {
        "An auction",
        "A strategy",
        "A perturbation",
        "A model",
        "A task",
        "A scenario",
    }
