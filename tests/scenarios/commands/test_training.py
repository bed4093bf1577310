"""`market-sim train`, as it is typed, on a few steps."""

from __future__ import annotations

import json

import pytest
import torch
from filelock import FileLock
from typer.testing import CliRunner, Result

from agents.broker.training.registry import TRAINERS
from agents.prior import OwnerPrior
from market_sim import load_auction
from scenarios.commands.cli import app


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


def test_any_field_of_the_recipe_can_be_set_and_is_on_the_card(tmp_path):
    """So the regret target is the user's, and the paper's inner search an option."""
    out = str(tmp_path / "new.safetensors")
    small = ("--set", "batch=16", "--set", "width=8", "--set", "temperature=[0.1, 0.01]", "--set", "tiers=1")
    result = typed("train", "sequential-menu", "--steps", "1", *small, "--out", out)
    assert result.exit_code == 0, result.stderr
    recipe = load_auction(out).card.recipe
    assert (recipe["steps"], recipe["batch"], recipe["temperature"]) == (1, 16, [0.1, 0.01])


def test_a_checkpoint_is_never_overwritten(trained):
    out, _ = trained
    before = out.read_bytes()
    result = typed("train", "sequential-menu", "--steps", "2", "--out", str(out))
    assert result.exit_code == 2
    assert f"--out {out} exists already: name another file" in result.stderr
    assert out.read_bytes() == before


def test_two_trainings_do_not_write_one_checkpoint(tmp_path):
    out = tmp_path / "new.safetensors"
    with FileLock(tmp_path / ".new.safetensors.lock", is_singleton=False):
        result = typed("train", "sequential-menu", "--steps", "2", "--out", str(out))
    assert result.exit_code == 2
    assert "is being written by" in " ".join(result.stderr.split())
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "sequential-menus"), "did you mean 'sequential-menu'?"),
        (("train", "all-in"), "'all-in' is not known"),
        (("train", "sequential-menu", "--out", "menu.pt"), "name a file that ends in .safetensors"),
        (("train", "sequential-menu", "--steps", "0", "--out", "new.safetensors"), "steps = 0"),
        (("train", "dm-regretnet", "--set", "regret_targte=0.1"), "did you mean 'regret_target'?"),
        (("train", "dm-regretnet", "--set", "regret_target=low"), "pass a value like the usual one, 0.0"),
        (("train", "dm-regretnet", "--set", "by_sign=1"), "pass a value like the usual one, true"),
        (("train", "dm-regretnet", "--set", "rho=true"), "pass a value like the usual one, 0.6"),
        (("train", "dm-regretnet", "--set", "levels=1.5"), "levels = 1.5"),
        (("train", "sequential-menu", "--set", "temperature=0.1"), "pass a value like the usual one, [0.1, 0.001]"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = typed(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_nothing_is_trained(tmp_path, monkeypatch):
    made = SequentialMenuSteps(monkeypatch, interrupted_at=-1)
    (tmp_path / "file").write_text("")
    result = typed("train", "sequential-menu", "--steps", "1", "--out", str(tmp_path / "file" / "new.safetensors"))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert str(tmp_path / "file") in result.stderr
    assert made.steps == []


def test_a_device_that_is_not_there_is_refused_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = str(tmp_path / "new.safetensors")
    result = typed("train", "dm-regretnet", "--device", "cuda", "--out", out)
    assert result.exit_code == 2
    assert "device = 'cuda': this torch finds no GPU; pass --device cpu" in result.stderr
    result = typed("train", "dm-regretnet", "--device", "abacus", "--out", out)
    assert (result.exit_code, "known: cpu, cuda" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_training_says_where_it_stands_and_the_same_command_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.broker.training.resumption.EVERY", 1)
    made = SequentialMenuSteps(monkeypatch, interrupted_at=2)
    words = ("train", "sequential-menu", "--steps", "3", "--out", str(tmp_path / "new.safetensors"), "--json")
    stopped = typed(*words)
    assert stopped.exit_code == 130
    assert "interrupted; 2 of 3 steps are in" in stopped.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["new.state"]
    finished = typed(*words)
    assert finished.exit_code == 0, finished.stderr
    assert made.steps == [0, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.json", "new.safetensors"]


def test_an_interruption_while_measuring_loses_no_step(tmp_path, monkeypatch):
    made = SequentialMenuSteps(monkeypatch, interrupted_at=-1)
    words = ("train", "sequential-menu", "--steps", "2", "--out", str(tmp_path / "new.safetensors"), "--json")
    with monkeypatch.context() as patched:
        patched.setattr("agents.broker.training.registry.truthful_figures", interrupted)
        stopped = typed(*words)
    assert stopped.exit_code == 130
    assert "interrupted; 2 of 2 steps are in" in stopped.stderr
    finished = typed(*words)
    assert finished.exit_code == 0, finished.stderr
    assert made.steps == [0, 1]


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


class SequentialMenuSteps:
    """Writes down the steps that the sequential menu's training makes, and interrupts one of them, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, interrupted_at: int) -> None:
        from agents.broker.training.sequential_menu import MenuTraining

        self.steps: list[int] = []
        ahead, original = [interrupted_at], MenuTraining.step

        def step(training):
            if training.done in ahead:
                ahead.remove(training.done)
                raise KeyboardInterrupt
            self.steps.append(training.done)
            return original(training)

        monkeypatch.setattr(MenuTraining, "step", step)


def test_the_steps_of_all_networks_of_an_auction_are_counted():
    trainer = TRAINERS["ascending-menu"]
    assert trainer.steps(trainer.recipe()) == 6000 + 1300 + 2000
    assert trainer.steps(trainer.recipe(steps=2)) == 6
    assert trainer.steps(trainer.recipe(steps=1500)) == 1500 + 1300 + 1500
