"""Three runs, each from where the one before ended: what each is asked for, and that they can be interrupted."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from agents.broker.training.refined_menu import RefinedRecipe, RefinedTraining
from agents.broker.training.resumption import run_to_end
from agents.broker.training.sequential_menu import MenuTraining
from agents.prior import OwnerPrior

SMALL = RefinedRecipe(
    steps=9, more_steps=3, last_steps=2, batch=16, last_batch=24, owners=3, other_owners=(1, 4), width=8, tiers=2,
    averaging=0.5, seed=3,
)  # fmt: skip


def test_every_later_run_is_a_training_of_its_own_from_the_weights_of_the_one_before():
    prior = OwnerPrior()
    whole = RefinedTraining(prior, SMALL, sizes_known=True)
    run_to_end(whole)
    runs = [MenuTraining(prior, recipe, sizes_known=True) for recipe in SMALL.runs()]
    for before, training in zip([None, *runs], runs, strict=False):
        for weights in (training.network, training.learner) if before else ():
            weights.load_state_dict(before.trained().tensors)
        run_to_end(training)
    assert (whole.done, whole.steps) == (9, 9)
    tensors = runs[-1].trained().tensors
    assert all(torch.equal(whole.trained().tensors[name], tensor) for name, tensor in tensors.items())
    assert not torch.equal(runs[1].trained().tensors["head.weight"], tensors["head.weight"])


@pytest.mark.parametrize("interrupted_after", [2, 4, 5, 7, 8])
def test_an_interrupted_training_goes_on_to_the_same_tensors(interrupted_after):
    whole, interrupted, goes_on = (RefinedTraining(OwnerPrior(), SMALL, sizes_known=True) for _ in range(3))
    numbers = []
    run_to_end(whole, watch=lambda step: numbers.append(step.number))
    assert numbers == list(range(9))
    for _ in range(interrupted_after):
        interrupted.step()
    goes_on.load_state_dict(interrupted.state_dict())
    run_to_end(goes_on)
    assert all(torch.equal(whole.trained().tensors[name], tensor) for name, tensor in goes_on.trained().tensors.items())


def test_each_run_has_its_own_settings_and_markets():
    first, second, third = SMALL.runs()

    def changed(one, other):
        return {name for name, value in asdict(one).items() if value != asdict(other)[name]}

    assert changed(first, second) == {"steps", "learning_rate", "temperature", "weight_of_mean", "seed"}
    assert changed(second, third) == {"steps", "learning_rate", "batch", "averaging", "seed"}
    assert [run.steps for run in (first, second, third)] == [4, 3, 2]
    assert [run.steps for run in RefinedRecipe(steps=7).runs()] == [3, 2, 2]


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 2},
        {"more_steps": 0},
        {"more_learning_rate": 0.0},
        {"more_temperature": (0.0, 0.1)},
        {"more_weight_of_mean": -1.0},
        {"last_batch": 0},
        {"last_averaging": 1.0},
        {"width": 0},
    ],
)
def test_impossible_recipes_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        RefinedRecipe(**fields)
