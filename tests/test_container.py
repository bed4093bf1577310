"""The Containerfile: nobody is root in it, what it copies is there, and its steps do what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from typer.main import get_command

from scenarios.commands.cli import app

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text()
LINES = re.sub(r"\\\n\s*", " ", "\n".join(line for line in TEXT.splitlines() if not line.startswith("#"))).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line.strip()]
KNOWN = {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
for word in "$@"; do
    case "$word" in constraints.txt) test -f constraints.txt || exit 9;; .*viz*) test -f pyproject.toml || exit 8;; esac
done
"""


def of(kind: str) -> list[str]:
    return [rest for name, rest in STEPS if name == kind]


def test_every_step_is_known_and_the_image_is_pinned_to_a_version() -> None:
    assert {name for name, _ in STEPS} <= KNOWN
    (image,) = of("FROM")
    assert re.fullmatch(r"[a-z.]+/[a-z/]+:3\.1[1-3]-slim", image)
    assert STEPS[0][0] == "FROM"


def test_whoever_runs_it_is_not_root_and_can_write_where_she_works() -> None:
    (user,) = of("USER")
    assert user not in ("root", "0")
    names = [name for name, _ in STEPS]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    made = of("RUN")[-1]
    assert f"useradd --create-home --uid 1000 {user}" in made
    assert f"chown -R {user} {of('WORKDIR')[-1]}" in made


def test_what_is_copied_is_there_and_everything_that_is_installed_is_copied() -> None:
    ignored = (ROOT / ".containerignore").read_text().split()
    copied = [source for rest in of("COPY") for source in rest.split()[:-1]]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert not any(fnmatch(source, pattern) for pattern in ignored), source
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    floors = {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    assert floors | {"pyproject.toml", "README.md", "LICENSE", "constraints.txt"} == set(copied)


@pytest.mark.parametrize("index", ["", "https://wheels.example/cpu"])
def test_its_steps_run_as_a_script(tmp_path: Path, index: str) -> None:
    """With stand-ins for what would change this machine; they refuse where a file that a step reads is not copied."""
    tools, work, log = tmp_path / "tools", tmp_path / "image", tmp_path / "log"
    tools.mkdir()
    work.mkdir()
    for name in ("python", "useradd", "chown", "mkdir", "rm"):
        (tools / name).write_text(FAKE.format(log=log))
        (tools / name).chmod(0o755)
    for kind, rest in STEPS:
        if kind == "COPY":
            *sources, target = rest.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, work / target, ignore=lambda *_: ["__pycache__"])
                else:
                    shutil.copy(ROOT / source, work / target)
        if kind == "RUN":
            subprocess.run(
                ["sh", "-euc", rest], cwd=work, check=True, env={"PATH": f"{tools}:/usr/bin:/bin", "TORCH_INDEX": index}
            )
    said = log.read_text().splitlines()
    option = f" --index-url {index}" if index else ""
    assert said[0] == f"python -m pip install --constraint constraints.txt{option} torch"
    assert said[1] == "python -m pip install --constraint constraints.txt .[viz]"
    assert [line.split()[0] for line in said[2:]] == ["rm", "useradd", "mkdir", "chown"]


def test_what_it_starts_is_a_command_line_of_ours() -> None:
    (entry,), (words,) = (json.loads(rest) for rest in of("ENTRYPOINT")), (json.loads(rest) for rest in of("CMD"))
    assert entry == ["market-sim"]
    command = get_command(app)
    context = command.make_context(entry[0], list(words))
    name, chosen, rest = command.resolve_command(context, list(words))
    taken = chosen.make_context(name, rest, parent=context).params
    assert (taken["host"], taken["open_browser"]) == ("0.0.0.0", False)
    assert of("EXPOSE") == [str(taken["port"])]
    (health,) = of("HEALTHCHECK")
    assert f"http://127.0.0.1:{taken['port']}/readyz" in health
