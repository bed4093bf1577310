"""The reader of a pipe goes away: no message, and the exit code of a process that SIGPIPE ended."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", [["list"], ["run", "--help"]])
def test_a_closed_pipe_is_silent_and_the_same_for_every_command(words: list[str]) -> None:
    command = [sys.executable, "-m", "scenarios.commands.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
