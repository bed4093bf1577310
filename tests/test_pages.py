"""What the documentation says can be typed can be, what it says in Python runs, and every page and link is found."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from typer.main import get_command

from scenarios.commands.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
TEXTS = {page.name: page.read_text() for page in (*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md")}
RUN_ELSEWHERE = {"own_study.md", "mesa.md", "first_audit.md"}
"""Pages whose blocks run in tests of their own."""

SAID = {"start.md": "gained", "can_it_be_gamed.md": "REFUTED", "scaling.md": "cell"}


def shell_blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, flags=re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """The words of every `market-sim ...` line, in blocks of the shell."""
    found = []
    for block in shell_blocks(text):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            words = shlex.split(line, comments=True)
            words = words[1:] if words[:1] == ["$"] else words
            if words and words[0].rpartition("/")[2] == "market-sim":
                found.append(words[1:])
    return found


TYPED = [(name, words) for name, text in TEXTS.items() for words in commands(text)]


@pytest.mark.parametrize(
    ("page", "words"), TYPED, ids=lambda part: part if isinstance(part, str) else " ".join(part)[:50]
)
def test_a_command_of_a_page_is_one_of_the_command_line(page, words):
    command = get_command(app)
    context = command.make_context("market-sim", list(words))
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name, command, rest = command.resolve_command(context, rest)
        assert command is not None, f"{page}: {name}"
        if "--help" in rest:
            return
        context = command.make_context(name, list(rest), parent=context)
        if not isinstance(command, click.Group):
            break
        rest = [word for word in rest if word in command.commands]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in RUN_ELSEWHERE], ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_one_after_the_other(page, capsys, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python([^\n]*)\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names = {"__name__": "__main__"}
    for kind, code in blocks:
        if kind.strip() == "notest":
            continue
        if kind.strip():
            Path(kind.strip()).write_text(code)
        else:
            exec(compile(code, str(page), "exec"), names)
    assert SAID.get(page.name, "") in capsys.readouterr().out


def test_every_page_stands_in_a_table_of_contents():
    listed = re.findall(r"^```\{toctree\}\n(.*?)^```", TEXTS["index.md"], flags=re.M | re.S)
    entries = {line.strip() for block in listed for line in block.splitlines() if line and not line.startswith(":")}
    assert {page.stem for page in PAGES} - {"index"} == entries


def slug(heading: str) -> str:
    """What the site, like GitHub, makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", path.read_text(), flags=re.M)}


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name):
    folder = DOCS if (DOCS / name).is_file() else ROOT
    text = re.sub(r"^```.*?^```", "", TEXTS[name], flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = folder / file if file else folder / name
        assert path.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{name}: {target}"
