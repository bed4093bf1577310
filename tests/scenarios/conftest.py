"""A scenario made for the tests, found as any other is."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

import scenarios

SOURCE = '''
"""What happens when nothing happens?"""

from scenarios.commands.answer import Answer


def run(*, seed, out, progress):
    if seed == 13:
        raise KeyboardInterrupt("2 of 5 runs are in " + str(out))
    if seed == 14:
        raise KeyboardInterrupt
    if seed == 15:
        raise FileExistsError(f"out = {str(out)!r} holds something else;\\n  pass a new directory")
    if seed == 17:
        return len(5)
    if seed == 18:
        return 10.0 ** 400
    if seed == 19:
        return int("seven")
    if seed == 20:
        raise FloatingPointError("training step 3: the gradient is not finite")
    if seed == 16:
        open(out / "missing" / "file")
    return Answer(
        figures={"seed": seed, "out": str(out), "bound": float("inf"), "runs": [1.5, float("nan")]},
        summary=("Nothing.",),
    )
'''


@pytest.fixture
def quiet_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a scenario that answers at once; its seeds 13 to 20 go wrong."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "quiet_market.py").write_text(textwrap.dedent(SOURCE).lstrip())
    (folder / "helper.py").write_text('"""Nothing to run, is it?"""\n')
    (folder / "no_question.py").write_text('"""A statement."""\n\n\ndef run():\n    pass\n')
    monkeypatch.setattr(scenarios, "__path__", [*scenarios.__path__, str(folder)])
    yield "quiet-market"
    sys.modules.pop("scenarios.quiet_market", None)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that are not told how many processes to take play in this one, which knows torch already."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
