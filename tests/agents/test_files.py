"""A file is written whole or not at all; a figure is written the same way everywhere."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.files import append_line, plain, to_json, write_file


def test_a_file_is_written_with_its_directory_and_replaced(tmp_path):
    path = tmp_path / "new" / "figures.json"
    write_file(path, "first\n")
    write_file(path, b"second\n")
    assert path.read_text() == "second\n"
    write_file(path, lambda file: file.write(b"third"))
    assert path.read_bytes() == b"third"
    assert os.listdir(path.parent) == ["figures.json"]


def test_who_fails_while_writing_leaves_what_was_there(tmp_path):
    path = tmp_path / "state"
    write_file(path, "complete")

    def interrupted(file):
        file.write(b"ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, interrupted)
    assert path.read_text() == "complete"
    assert os.listdir(tmp_path) == ["state"]


def test_others_may_read_it_as_they_may_read_any_new_file(tmp_path):
    (tmp_path / "usual").write_text("")
    write_file(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_is_not_finite_is_null_wherever_it_stands():
    figures = {"bound": math.inf, 3: [float("nan"), np.float64(-np.inf), 0.5], "where": Path("runs/a")}
    assert json.loads(to_json(figures)) == {"bound": None, "3": [None, None, 0.5], "where": "runs/a"}
    assert to_json({}).endswith("\n")


def test_scalars_of_arrays_are_numbers():
    assert plain([np.int64(3), np.bool_(True), torch.tensor(0.25), np.float32("nan")]) == [3, True, 0.25, None]


def test_what_is_no_figure_is_refused():
    with pytest.raises(TypeError):
        to_json({"model": object()})


def test_lines_are_added_to_what_is_there(tmp_path):
    for line in ("first", "second, with an é"):
        append_line(tmp_path / "log", line)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "first\nsecond, with an é\n"


def test_file_and_directory_are_on_disk_after_a_rename(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync

    def noted(handle):
        flushed.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    write_file(tmp_path / "state", "complete")
    assert flushed[0].parent == tmp_path
    assert flushed[1:] == [tmp_path]
