"""docs/first_audit.md, typed from the first block to the last into an empty directory."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from scenarios.commands.cli import app

PAGE = (Path(__file__).parents[1] / "docs" / "first_audit.md").read_text()
BLOCKS = re.findall(r"^```(python|sh) ?([^\n]*)\n(.*?)^```", PAGE, flags=re.M | re.S)


def test_a_stranger_gets_from_an_empty_directory_to_an_audit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    said: dict[str, tuple[int, str]] = {}
    for kind, file, code in BLOCKS:
        if file:
            Path(file).write_text(code)
            if file != "cheapest_first.py":
                exec(compile(code, file, "exec"), {"__name__": "__main__"})
        for line in code.splitlines() if kind == "sh" else ():
            program, *words = shlex.split(line, comments=True)
            if program == "market-sim":
                result = CliRunner().invoke(app, words)
                said[words[0]] = (result.exit_code, result.output)
    sys.modules.pop("cheapest_first", None)
    shown = capsys.readouterr().out
    assert "8 owners" in shown
    assert "clinic" in shown
    assert [code for code, _ in said.values()] == [1, 0, 0, 0], said
    assert re.search(r"cheapest-first: REFUTED: truthful in data_size, privacy_budget,\s+valuation\n", said["check"][1])
    assert "cheapest-first: REFUTED. What it claims does not hold." in said["audit"][1]
    assert said["run"][1].startswith("Who gains?") or "lies earned more than the truth" in said["run"][1]
    assert Path("runs/mine/report.html").is_file()
    assert Path("market.png").is_file()
    owners = pd.read_csv("owners.csv")
    assert set(owners["clinic"]) == {"north", "south", "east", "west"}
