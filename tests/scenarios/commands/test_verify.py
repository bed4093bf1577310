"""`market-sim verify`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from market_sim import load_results, run_market
from scenarios.commands.cli import app
from scenarios.commands.directory import scenario_directory

SMALL = {"owners": 10, "bidders": 4, "rounds": 2, "task": "synthetic", "task_options": {"features": 2}}


def typed(*words: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, words)])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario's directory with two runs."""
    out = tmp_path_factory.mktemp("runs") / "mine"
    with scenario_directory(out, {"scenario": "mine"}) as folder:
        run_market(auction="all-in", out=folder / "all-in", **SMALL)
        run_market(auction="pay-as-bid", out=folder / "paid", **SMALL)
    return out


@pytest.fixture
def cheated(played: Path, tmp_path: Path) -> Path:
    """A run into which somebody wrote a larger payment, saved with fresh hashes."""
    run = Path(shutil.copytree(played / "paid", tmp_path / "paid"))
    results = load_results(run)
    results.trades.loc[5, "payment"] += 1
    results.save(run)
    return run


def test_an_honest_run_is_said_to_be_one(played: Path) -> None:
    result = typed(played / "paid")
    assert result.exit_code == 0, result.stderr
    lines = " ".join(result.stdout.split())
    assert f"{played / 'paid'}: all " in lines
    assert "values checked in 2 rounds agree to the last bit" in lines
    assert "Recomputed: rounds: round, buyer" in lines
    assert "Not verified (needs the learning, which --replay repeats): rounds: test_accuracy, test_loss" in lines


def test_an_edited_run_disagrees_with_exit_code_1(cheated: Path) -> None:
    result = typed(cheated)
    assert result.exit_code == 1
    assert "DISAGREES: 1 of " in result.stdout
    assert "trades row 5 (round 1, buyer 0, owner " in result.stdout
    assert "payment: recorded " in result.stdout


def test_the_findings_are_json(cheated: Path) -> None:
    result = typed(cheated, "--json")
    assert result.exit_code == 1
    figures = json.loads(result.stdout)
    assert (figures["ok"], figures["rounds"], figures["problem"]) == (False, 2, None)
    (found,) = figures["disagreements"]
    assert (found["table"], found["row"], found["column"]) == ("trades", 5, "payment")
    assert found["recorded"] == pytest.approx(found["recomputed"] + 1)
    assert figures["rows"]["trades"] == {"recorded": 8, "agree": 7}
    (column,) = [column for column in figures["columns"] if column["column"] == "test_loss"]
    assert (column["kind"], column["rows"]) == ("not verified", 0)


def test_a_replay_repeats_the_learning(played: Path) -> None:
    result = typed(played / "all-in", "--replay")
    assert result.exit_code == 0, result.stderr
    assert "Replayed, the learning repeated: rounds: test_accuracy, test_loss" in result.stdout.replace("\n", " ")


def test_a_scenarios_directory_stands_for_all_its_runs(played: Path) -> None:
    result = typed(played, "--json")
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert [run["run"] for run in figures["runs"]] == [str(played / "all-in"), str(played / "paid")]
    assert figures["ok"] is True


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    result = typed(tmp_path)
    assert result.exit_code == 2
    assert "does not hold a run" in result.stderr
