"""Two runs, the second from where the first ended: what each is asked for, and that they can be interrupted."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from agents.broker.training.refined_menu import RefinedRecipe, RefinedTraining
from agents.broker.training.resumption import run_to_end
from agents.broker.training.sequential_menu import MenuTraining
from agents.prior import OwnerPrior

SMALL = RefinedRecipe(steps=7, more_steps=3, batch=16, owners=3, other_owners=(1, 4), width=8, averaging=0.5, seed=3)


def test_the_second_run_is_a_training_of_its_own_from_the_weights_of_the_first():
    prior = OwnerPrior()
    whole = RefinedTraining(prior, SMALL, sizes_known=True)
    run_to_end(whole)
    first, second = (MenuTraining(prior, recipe, sizes_known=True) for recipe in SMALL.runs())
    run_to_end(first)
    for weights in (second.network, second.learner):
        weights.load_state_dict(first.trained().tensors)
    run_to_end(second)
    assert (whole.done, whole.steps) == (7, 7)
    assert all(torch.equal(whole.trained().tensors[name], tensor) for name, tensor in second.trained().tensors.items())
    assert not torch.equal(first.trained().tensors["head.weight"], second.trained().tensors["head.weight"])


@pytest.mark.parametrize("interrupted_after", [2, 4, 5])
def test_an_interrupted_training_goes_on_to_the_same_tensors(interrupted_after):
    whole, interrupted, goes_on = (RefinedTraining(OwnerPrior(), SMALL, sizes_known=True) for _ in range(3))
    numbers = []
    run_to_end(whole, watch=lambda step: numbers.append(step.number))
    assert numbers == [0, 1, 2, 3, 4, 5, 6]
    for _ in range(interrupted_after):
        interrupted.step()
    goes_on.load_state_dict(interrupted.state_dict())
    run_to_end(goes_on)
    assert all(torch.equal(whole.trained().tensors[name], tensor) for name, tensor in goes_on.trained().tensors.items())


def test_each_run_has_its_own_settings_and_markets():
    first, second = SMALL.runs()
    changed = {name for name, value in asdict(first).items() if value != asdict(second)[name]}
    assert changed == {"steps", "learning_rate", "temperature", "weight_of_mean", "seed"}
    assert (first.steps, second.steps, second.learning_rate, second.weight_of_mean) == (4, 3, 2e-3, 4.0)
    assert [run.steps for run in RefinedRecipe(steps=5, more_steps=800).runs()] == [3, 2]


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 1},
        {"more_steps": 0},
        {"more_learning_rate": 0.0},
        {"more_temperature": (0.0, 0.1)},
        {"more_weight_of_mean": -1.0},
        {"width": 0},
    ],
)
def test_impossible_recipes_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        RefinedRecipe(**fields)
