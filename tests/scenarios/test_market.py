"""`market-sim run market`, as it is typed."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from market_sim import load_results
from scenarios.commands.cli import app

SMALL = ("--set", "rounds=3", "--set", "owners=12", "--set", "bidders=6", "--set", "auction=all-in")


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["run", *words])


def test_any_market_is_played_and_its_run_directory_read_back(tmp_path):
    shares = ("--strategy", "truthful=0.5", "--strategy", "scaled-valuation=0.5")
    more = ("--set", "budget_factor=[0.2, 0.3]", "--set", "learning-rate=0.5", "--seed", "4")
    result = typed("market", *SMALL, *shares, *more, "--json", "--out", str(tmp_path / "here"))
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["market"]["strategies"] == {"truthful": 0.5, "scaled-valuation": 0.5}
    assert (figures["market"]["budget_factor"], figures["market"]["learning_rate"]) == ([0.2, 0.3], 0.5)
    assert figures["lying"][0]["strategy"] == "scaled-valuation"
    back = load_results(tmp_path / "here")
    assert len(back.rounds) == 3
    assert figures["accuracy_by_seed"] == {"4": back.rounds["test_accuracy"].iloc[-1]}
    truth = load_results(tmp_path / "here" / "truthful")
    assert truth.trades["truthful"].all()
    assert figures["learning"]["truthful_accuracy"] == truth.rounds["test_accuracy"].iloc[-1]


def test_the_summary_says_when_nothing_protects_anybody(tmp_path):
    result = typed("market", *SMALL, "--set", "perturbation=none", "--out", str(tmp_path / "here"))
    assert result.exit_code == 0, result.stderr
    for words in ("Not known yet: nobody lied.", "uploads carried no noise", f"Tables: {tmp_path / 'here'}"):
        assert words in result.stdout.replace("\n", "") or words in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("market", "--set", "roundz=3"), "'roundz' is not known; did you mean 'rounds'?"),
        (("market", "--set", "rounds"), "--set rounds: pass FIELD=VALUE, e.g. rounds=100"),
        (("market", "--set", "rounds=three"), "rounds = 'three' is not a whole number; pass an int"),
        (("market", "--set", "rounds=1", "--set", "rounds=2"), "field 'rounds' is given twice; give it once"),
        (("market", "--strategy", "truthful"), "--strategy truthful: pass NAME=SHARE, e.g. truthful=0.7"),
        (("market", "--strategy", "truthful=half"), "--strategy truthful=half: pass a share between 0 and 1"),
        (("market", "--strategy", "truthful=0.5", "--strategy", "truthful=0.5"), "--strategy truthful is given twice"),
        (("market", "--strategy", "truthful=0.5"), "the shares sum to 0.5; make them sum to 1"),
        (("market", "--set", "task=nsl-kdd", "--data", "nowhere"), "data = 'nowhere' is no directory"),
        (("market", "--set", "task=nsl-kdd"), "--data on the command line, or FL_MARKET_DATA in the environment"),
        (("quickstart", "--data", "here"), "`market-sim run market` takes them"),
        (("market", "--seed", str(2**63)), "seed = 9223372036854775808: pass a whole number between 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FL_MARKET_DATA", raising=False)
    result = typed(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert message in result.stderr
