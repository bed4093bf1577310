"""An interrupted training goes on where it stood, to the bits it would have ended with; no other's state is taken."""

from __future__ import annotations

import dataclasses

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

    with pytest.raises(KeyboardInterrupt, match=r"4 of 7 steps are in .*x\.state; the same command goes on from there"):
        run_to_end(training(), state=state, watch=interrupt)
    resumed, seen = training(), []
    run_to_end(resumed, state=state, watch=seen.append)
    whole = training()
    run_to_end(whole)
    assert [step.number for step in seen] == [4, 5, 6]
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name])
    with pytest.raises(ValueError, match="is of another training"):
        run_to_end(training(seed=9), state=state)
    with pytest.raises(ValueError, match="is of another training"):
        run_to_end(RegretTraining(drawn, OwnerPrior(), RECIPE), state=state)


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
