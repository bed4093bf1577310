"""An interrupted training goes on where it stood, to the bits it would have ended with; no other's state is taken."""

from __future__ import annotations

import dataclasses
import signal

import pytest
import torch

from agents.broker.auctions.parts.allocation_rules import drawn, highest
from agents.broker.training.augmented_lagrangian import RegretTraining
from agents.broker.training.regret_recipe import RegretRecipe
from agents.broker.training.resumption import run_to_end
from agents.prior import OwnerPrior

RECIPE = RegretRecipe(steps=7, batch=32, owners=3, levels=2, width=8, candidates=4, seed=3)


def training(**changes):
    return RegretTraining(highest, OwnerPrior(), dataclasses.replace(RECIPE, **changes))


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.broker.training.resumption.EVERY", 2)
    state = tmp_path / "x.state"

    def interrupt(step):
        if step.number == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"5 of 7 steps are in .*x\.state; the same command goes on from there"):
        run_to_end(training(), state=state, watch=interrupt)
    resumed, seen = training(), []
    run_to_end(resumed, state=state, watch=seen.append)
    whole = training()
    run_to_end(whole)
    assert [step.number for step in seen] == [5, 6]
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name])
    with pytest.raises(ValueError, match="is of another training"):
        run_to_end(training(seed=9), state=state)
    with pytest.raises(ValueError, match="is of another training"):
        run_to_end(RegretTraining(drawn, OwnerPrior(), RECIPE), state=state)


def test_ctrl_c_waits_for_the_step_and_all_steps_are_saved(tmp_path):
    state, seen = tmp_path / "x.state", []

    def press(step):
        seen.append(step.number)
        if step.number == 2:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="3 of 7 steps are in"):
        run_to_end(training(), state=state, watch=press)
    assert seen == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_does_not_wait_and_what_was_saved_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.broker.training.resumption.EVERY", 2)
    state, stubborn = tmp_path / "x.state", training()
    step = stubborn.step

    def pressed_twice():
        if stubborn.done == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return step()

    monkeypatch.setattr(stubborn, "step", pressed_twice)
    with pytest.raises(KeyboardInterrupt, match="2 of 7 steps are in"):
        run_to_end(stubborn, state=state)


def test_the_last_step_is_saved_however_many_there_are(tmp_path):
    state, again = tmp_path / "x.state", []
    run_to_end(training(), state=state)
    run_to_end(training(), state=state, watch=again.append)
    assert again == []


def test_a_state_that_cannot_be_read_is_refused(tmp_path):
    state = tmp_path / "x.state"
    state.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"cannot be read .*remove it and start again"):
        run_to_end(training(), state=state)
