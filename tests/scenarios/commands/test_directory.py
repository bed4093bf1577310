"""A scenario's directory is complete or not there, and takes the place of nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scenarios.commands.directory import scenario_directory

PLAYED = {"scenario": "quiet-market", "seed": 0, "market": {"owners": 10}}


def write(out, played=PLAYED, text="figures"):
    with scenario_directory(out, played) as folder:
        (folder / "run").mkdir()
        (folder / "run" / "rounds.parquet").write_text(text)


def test_what_was_written_appears_under_its_name(tmp_path):
    write(tmp_path / "deep" / "out")
    assert (tmp_path / "deep" / "out" / "run" / "rounds.parquet").read_text() == "figures"
    manifest = json.loads((tmp_path / "deep" / "out" / "scenario.json").read_text())
    assert manifest["played"] == PLAYED
    assert manifest["files"] == ["run/rounds.parquet"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_the_same_run_is_replaced_and_an_empty_directory_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out")
    write(tmp_path / "out", text="again")
    assert (tmp_path / "out" / "run" / "rounds.parquet").read_text() == "again"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "other", [{**PLAYED, "seed": 1}, {**PLAYED, "market": {"owners": 11}}, {**PLAYED, "scenario": "other"}]
)
def test_another_run_is_not_replaced(tmp_path, other):
    write(tmp_path / "out")
    with pytest.raises(FileExistsError, match=r"out = .* holds something else \(run/rounds.parquet, scenario.json\)"):
        write(tmp_path / "out", other)
    assert json.loads((tmp_path / "out" / "scenario.json").read_text())["played"] == PLAYED


def test_a_foreign_file_beside_the_same_run_is_kept(tmp_path):
    write(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds something else \(notes\.txt\); pass a new directory"):
        write(tmp_path / "out")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "other", "played": {}, "files": []}'])
def test_a_directory_with_another_manifest_is_foreign(tmp_path, content):
    (tmp_path / "scenario.json").write_text(content)
    with pytest.raises(FileExistsError, match="holds something else"):
        write(tmp_path)


def test_a_file_is_not_a_directory(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file; pass the name of a new directory"):
        write(tmp_path / "out")


def test_it_is_refused_before_any_work(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    begun = []
    with pytest.raises(FileExistsError), scenario_directory(tmp_path, PLAYED):
        begun.append(True)
    assert not begun


def test_what_appears_meanwhile_is_not_replaced(tmp_path):
    def overtaken():
        with scenario_directory(tmp_path / "out", PLAYED):
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "notes.txt").write_text("mine")

    with pytest.raises(FileExistsError):
        overtaken()
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_an_interruption_leaves_nothing_or_the_run_before(tmp_path):
    def interrupted():
        with scenario_directory(tmp_path / "out", PLAYED) as folder:
            (folder / "half").write_text("")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "out" / "run" / "rounds.parquet").read_text() == "figures"


def test_if_the_new_run_cannot_be_moved_the_run_before_comes_back(tmp_path, monkeypatch):
    write(tmp_path / "out")
    move = os.replace

    def stuck(source, target):
        if Path(source).name == "new":
            raise PermissionError("no")
        move(source, target)

    monkeypatch.setattr("market_sim.directory._exchanged", lambda *_: False)
    monkeypatch.setattr("market_sim.directory.os.replace", stuck)
    with pytest.raises(PermissionError):
        write(tmp_path / "out", text="again")
    assert (tmp_path / "out" / "run" / "rounds.parquet").read_text() == "figures"
