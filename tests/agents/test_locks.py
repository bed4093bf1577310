"""Two writers of one place: the second is told who the first is, and nothing is left of a lock but while it is held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.locks import locked

HOLDS = """
import sys, time
from pathlib import Path
from agents.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    house = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "run")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": house},
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_writer_is_refused_and_told_who_writes(tmp_path, holder):
    said = rf"out = .*run.* is being written by process {holder.pid} on "
    with pytest.raises(BlockingIOError, match=said), locked(tmp_path / "run"):
        pass
    with locked(tmp_path / "another"):
        pass


def test_a_killed_writer_holds_nothing(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / "run"):
        pass
    assert os.listdir(tmp_path) == []


def test_the_holder_may_lock_again(tmp_path):
    with locked(tmp_path / "run"), locked(tmp_path / "run"):
        assert os.listdir(tmp_path) == [".run.lock"]
    with locked(tmp_path / "new" / "run"):
        pass
    assert os.listdir(tmp_path / "new") == []
