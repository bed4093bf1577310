"""`market-sim train` and `market-sim evaluate`, as they are typed, on a few steps and profiles."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner, Result

from agents.prior import OwnerPrior
from market_sim import load_auction
from scenarios.cli import app


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint after two steps, and what was printed."""
    out = tmp_path_factory.mktemp("checkpoints") / "short.safetensors"
    return out, typed("train", "sequential-menu", "--steps", "2", "--seed", "5", "--out", str(out), "--json")


def test_training_leaves_a_checkpoint_that_can_be_loaded(trained):
    out, result = trained
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures["checkpoint"] == str(out)
    types, budget = OwnerPrior().sample(3, 4, torch.Generator().manual_seed(0))
    outcome = load_auction(out).run(types.truthful_bids(), budget)
    assert bool((outcome.payment.sum(-1) <= budget).all())


def test_a_checkpoint_is_never_overwritten(trained):
    out, _ = trained
    before = out.read_bytes()
    result = typed("train", "sequential-menu", "--steps", "2", "--out", str(out))
    assert result.exit_code == 2
    assert f"--out {out} exists already: name another file" in result.stderr
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "sequential-menus"), "did you mean 'sequential-menu'?"),
        (("train", "all-in"), "'all-in' is not known"),
        (("train", "sequential-menu", "--out", "menu.pt"), "name a file that ends in .safetensors"),
        (("train", "sequential-menu", "--steps", "0", "--out", "new.safetensors"), "steps = 0"),
        (("evaluate", "sequential-menus"), "did you mean 'sequential-menu'?"),
        (("evaluate", "missing.safetensors"), "missing"),
        (("evaluate", "all-in", "--profiles", "0"), "profiles = 0"),
        (("evaluate", "all-in", "--owners", "0"), "owners = 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = typed(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_evaluation_has_a_row_per_mechanism_and_budget_factor(trained):
    out, _ = trained
    result = typed("evaluate", str(out), "--profiles", "20", "--owners", "4", "--no-first-best", "--json")
    assert result.exit_code == 0, result.stderr
    table = json.loads(result.stdout)["table"]
    factors = {row["budget_factor"] for row in table}
    assert {row["auction"] for row in table} >= {str(out), "all-in"}
    for name in (str(out), "all-in"):
        assert {row["budget_factor"] for row in table if row["auction"] == name} == factors


def test_an_evaluation_is_printed_beside_the_published_figures():
    result = typed("evaluate", "proportional-share", "--profiles", "20", "--owners", "4", "--no-first-best")
    assert result.exit_code == 0, result.stderr
    for words in ("proportional-share", "all-in", "FairQuery", "U[0.1, 2]"):
        assert words in result.stdout
