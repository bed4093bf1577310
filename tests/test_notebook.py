"""docs/own_study.ipynb runs from the first cell to the last and shows what it showed when it was written."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NOTEBOOK = DOCS / "own_study.ipynb"
MAX_BYTES = 200_000


def read():
    return nbformat.read(NOTEBOOK, as_version=4)


def source(notebook, name):
    return next(cell.source for cell in notebook.cells if cell.id == name)


def shown(notebook):
    """What every cell shows: text by cell, with numbers blotted out, and which cells show a picture."""
    texts, pictures = {}, set()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            said = output.get("text") or data.get("text/plain", "")
            texts[cell.id] = texts.get(cell.id, "") + re.sub(r"[\s\d.e+%-]+", "#", said)
            pictures |= {cell.id} if "image/png" in data else set()
    return texts, pictures


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook, executed anew beside a copy of its tables."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copytree(DOCS / "own_study", folder / "own_study")
    notebook = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        where = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=600, startup_timeout=600, kernel_name="python3", resources=where).execute()
    return notebook, folder


def test_it_shows_what_it_showed_when_it_was_written(executed):
    notebook, folder = executed
    assert shown(notebook) == shown(read())
    assert (folder / "runs" / "comparison.html").is_file()


def test_the_rule_holds_the_leak_is_found_and_haggling_pays_where_it_can(executed):
    notebook, _ = executed
    tables = {
        cell.id: cell.outputs[0]["data"]["text/plain"] for cell in notebook.cells if cell.id in ("audit", "answer")
    }
    assert re.search(r"refuted +no +yes", tables["audit"])
    assert re.search(r"owners who gain, at least +0% +[1-9]", tables["audit"])
    misreports, paid, gain = re.search(r"other-half haggling +(\d+) +(\d+) +(\S+)", tables["answer"]).groups()
    assert (int(misreports) > 50, int(paid), float(gain) < 0) == (True, 0, True)
    misreports, paid, gain = re.search(r"pay-as-bid haggling +(\d+) +(\d+) +(\S+)", tables["answer"]).groups()
    assert (int(paid) > int(misreports) / 2, float(gain) > 0) == (True, True)


def test_its_classes_are_those_of_the_guide():
    page = (DOCS / "own_study.md").read_text()
    notebook = read()
    for file, cell in (("other_half.py", "auction"), ("haggling.py", "strategy")):
        assert f"```python {file}\n{source(notebook, cell)}\n```" in page
    assert source(notebook, "leak") in page


def test_it_is_small_and_says_nothing_about_the_machine_it_was_written_on():
    assert NOTEBOOK.stat().st_size <= MAX_BYTES
    text = NOTEBOOK.read_text()
    for place in (str(ROOT), str(Path.home()), sys.prefix, "/tmp", "ipykernel_"):
        assert place not in text
    code = [cell for cell in read().cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not any(output.get("name") == "stderr" for cell in code for output in cell.outputs)
