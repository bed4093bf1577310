"""Sweep, scenario, evaluation, audit, training: killed at random moments, the same command ends in the same bytes."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MARKET = ("--set", "owners=12", "--set", "bidders=4", "--set", "rounds=20")
COMMANDS = {
    "sweep": ("sweep", *MARKET, "--set", "auction=all-in,posted-price", "--seeds", "4", "--jobs", "2"),
    "scenario": ("run", "collusion-ring", "--owners", "12", "--bidders", "6", "--rounds", "10", "--jobs", "2"),
    "evaluate": ("evaluate", "posted-price", "--profiles", "300", "--regret-profiles", "10", "--jobs", "2"),
    "audit": ("audit", "all-in", "--profiles", "60", "--queries", "30", "--no-checks", "--no-controls", "--jobs", "2"),
    "train": ("train", "sequential-menu", "--steps", "60", "--set", "batch=16", "--set", "width=8", "--set", "tiers=1"),
}
KILLS = 4


def start(command: str, out: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "scenarios.commands.cli", *COMMANDS[command], "--out", str(out)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, **quiet, env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True)


def ended(command: str, out: Path) -> dict[str, str]:
    """What a command that is left in peace leaves behind, and nothing else."""
    process = start(command, out)
    said = process.communicate(timeout=1800)[1].decode()
    assert process.returncode == 0, said
    return left(out)


def left(out: Path) -> dict[str, str]:
    return {
        str(file.relative_to(out.parent)): hashlib.sha256(file.read_bytes().replace(bytes(out.parent), b"")).hexdigest()
        for file in sorted(out.parent.rglob("*"))
        if file.is_file() and "campaign" not in file.parts and "chunks" not in file.parts
    }


@pytest.mark.slow_kills
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_killed_ends_in_the_same_bytes(tmp_path, command):
    name = "new.safetensors" if command == "train" else "out"
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    began = time.monotonic()
    whole = ended(command, tmp_path / "whole" / name)
    took = time.monotonic() - began
    moments = random.Random(command)
    for _ in range(KILLS):
        process = start(command, tmp_path / "killed" / name)
        # The first third is spent with imports.
        try:
            process.wait(timeout=moments.uniform(0.3, 1.0) * took)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == 0:  # It was faster than the signal.
            assert left(tmp_path / "killed" / name) == whole
            return
    assert ended(command, tmp_path / "killed" / name) == whole
