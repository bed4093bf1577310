"""The command line, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from scenarios.commands.cli import app


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def test_a_scenario_prints_its_summary(quiet_scenario, tmp_path):
    result = typed("run", quiet_scenario, "--out", str(tmp_path / "here"))
    assert (result.exit_code, result.stdout.strip()) == (0, "Nothing.")


def test_the_figures_are_json_and_nothing_else_and_what_is_not_finite_is_null(quiet_scenario, tmp_path):
    result = typed("run", quiet_scenario, "--json", "--seed", "7", "--out", str(tmp_path / "here"))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "seed": 7,
        "out": str(tmp_path / "here"),
        "bound": None,
        "runs": [1.5, None],
    }


def test_a_run_directory_is_named_after_scenario_and_seed(quiet_scenario):
    result = typed("run", quiet_scenario, "--json", "--seed", "3")
    assert json.loads(result.stdout)["out"] == "runs/quiet-market-seed3"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "quiet-markett"), "scenario = 'quiet-markett' is not known; did you mean 'quiet-market'?"),
        (("run", "quiet-market", "--seed", "-1"), "seed = -1: pass a whole number between 0"),
        (("run", "quiet-market", "--seed", "15", "--out", "x"), "out = 'x' holds something else; pass a new directory"),
        (("run", "quiet-market", "--seed", "16", "--out", "x"), "x/missing/file: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(quiet_scenario, words, message):
    result = typed(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"market-sim: {message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ("17", "TypeError: object of type 'int' has no len()"),
        ("18", "OverflowError: (34, 'Numerical result out of range')"),
        ("19", "ValueError: invalid literal for int() with base 10: 'seven'"),
    ],
)
def test_what_nobody_refused_is_called_a_bug_and_is_exit_code_1(quiet_scenario, seed, said):
    words = ("run", quiet_scenario, "--seed", seed, "--out", "there")
    result = typed(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"market-sim: this is a bug, please report it: {said} (--debug shows where)\n"
    traced = typed("--debug", *words)
    assert traced.exit_code == 1
    assert traced.stderr.startswith("Traceback (most recent call last):")
    assert "quiet_market.py" in traced.stderr
    assert traced.stderr.endswith(result.stderr)


def test_the_environment_may_ask_for_the_traceback_too(quiet_scenario, monkeypatch):
    monkeypatch.setenv("FL_MARKET_DEBUG", "1")
    refused = typed("run", "quiet-markett")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Traceback")
    assert "did you mean 'quiet-market'?" in refused.stderr.splitlines()[-1]


def test_training_that_runs_away_says_so_and_is_exit_code_1(quiet_scenario):
    result = typed("run", quiet_scenario, "--seed", "20", "--out", "there")
    assert result.exit_code == 1
    assert result.stderr == "market-sim: training step 3: the gradient is not finite\n"


def test_the_largest_seed_is_the_same_for_every_command(quiet_scenario, tmp_path):
    out = str(tmp_path / "new.safetensors")
    assert typed("run", quiet_scenario, "--seed", str(2**63 - 1)).exit_code == 0
    commands = (
        ("run", quiet_scenario),
        ("train", "sequential-menu", "--steps", "1", "--out", out),
        ("evaluate", "all-in"),
    )
    for words in commands:
        result = typed(*words, "--seed", str(2**63))
        assert result.exit_code == 2
        assert "seed = 9223372036854775808: pass a whole number between 0 and" in result.stderr


@pytest.mark.parametrize("words", [("run",), ("run", "quickstart", "--seed", "one"), ("walk",)])
def test_what_cannot_be_parsed_is_exit_code_2(words):
    assert typed(*words).exit_code == 2


@pytest.mark.parametrize(("seed", "said"), [("13", "2 of 5 runs are in there"), ("14", "nothing was written")])
def test_an_interruption_says_what_was_saved(quiet_scenario, seed, said):
    result = typed("run", quiet_scenario, "--seed", seed, "--out", "there")
    assert result.exit_code == 130
    assert result.stderr == f"market-sim: interrupted; {said}\n"


def test_the_list_names_every_part_and_marks_the_planted_controls(quiet_scenario, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    result = typed("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    for name in ("sequential-menu", "truthful", "digits", "privunit", "optimal", "quiet-market"):
        assert any(line.strip().startswith(f"{name} ") for line in lines), name
    planted = {line.split()[0] for line in lines if line.strip().endswith("planted")}
    assert planted == {"pay-as-bid", "fixed-share", "leaky-menu"}
    (default,) = (line for line in lines if line.split()[:3] == ["ascending-menu", "all", "three"])
    assert default.rstrip().endswith("data size"), "it rests on nobody overstating her data size"
    assert any("What happens when nothing happens?" in line for line in lines)


def test_help_imports_nothing_heavy():
    """What makes help instant: neither torch, mesa and pandas nor what needs them is loaded."""
    source = (
        "import sys; from typer.testing import CliRunner; from scenarios.commands.cli import app; "
        "result = CliRunner().invoke(app, ['--help']); assert result.exit_code == 0, result.output; "
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "mesa", "pandas", "numpy", "rich", "matplotlib", "agents", "analysis"):
        assert f"'{heavy}'" not in loaded
