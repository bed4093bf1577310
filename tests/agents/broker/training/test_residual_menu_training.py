"""Training lowers the error bound of the auction that is deployed, and repeats itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.broker.auctions.parts.nested_prices import LearnedPrices, PriceShape
from agents.broker.auctions.registry import load_auction
from agents.broker.auctions.residual_menu import ResidualMenu
from agents.broker.training import residual_menu, resumption
from agents.broker.training.base import TrainingStep
from agents.broker.training.registry import trainer
from agents.broker.training.residual_menu import EvolutionTraining, ResidualRecipe, first_shape
from agents.broker.training.truthful_figures import true_error_bound
from agents.prior import OwnerPrior

SMALL = ResidualRecipe(steps=8, candidates=6, batch=40, owners=5, other_owners=(1, 8), spread=0.2, thin=4, seed=3)


def train(prior: OwnerPrior, recipe: ResidualRecipe, **how: Any) -> PriceShape:
    training = EvolutionTraining(prior, recipe)
    resumption.run_to_end(training, **how)
    return training.shape


def test_training_lowers_the_error_bound() -> None:
    prior = OwnerPrior()
    types, budget = prior.sample(300, 5, torch.Generator().manual_seed(0))

    def mean_log_bound(shape: PriceShape) -> float:
        menu = ResidualMenu(prior.units, prices=LearnedPrices(shape, prior.units))
        bound = true_error_bound(types, menu.run(types.truthful_bids(), budget))
        return float(bound[bound.isfinite()].log().mean())

    assert mean_log_bound(train(prior, SMALL)) < mean_log_bound(first_shape(prior)) - 0.03


def test_two_trainings_with_one_seed_are_one_and_leave_global_generators_alone() -> None:
    prior = OwnerPrior()
    short = dataclasses.replace(SMALL, steps=2, batch=10)
    ours, numpys = torch.get_rng_state(), np.random.get_state()
    one, two = train(prior, short), train(prior, short)
    assert torch.equal(torch.get_rng_state(), ours)
    assert np.array_equal(np.random.get_state()[1], numpys[1])
    other = train(prior, dataclasses.replace(short, seed=4))
    for name in one.__dataclass_fields__:
        assert torch.equal(getattr(one, name), getattr(two, name))
    assert not torch.equal(one.exponents, other.exponents)


def test_a_checkpoint_with_its_card(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    steps = []
    card = trainer("residual-menu").make_checkpoint(
        path, OwnerPrior(), dataclasses.replace(SMALL, steps=2, batch=10), watch=steps.append
    )
    assert [step.number for step in steps] == [0, 1]
    assert card.recipe["steps"] == 2
    assert card.versions["cma"]
    loaded = load_auction(path)
    assert isinstance(loaded, ResidualMenu)
    assert loaded.card == card


def test_an_interrupted_training_ends_where_it_would_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior, short = OwnerPrior(), dataclasses.replace(SMALL, steps=3, batch=10)
    monkeypatch.setattr(resumption, "EVERY", 1)
    state = tmp_path / "mine.state"

    def interrupt(step: TrainingStep) -> None:
        if step.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="2 of 3 steps"):
        train(prior, short, watch=interrupt, state=state)
    rest: list[TrainingStep] = []
    shape = train(prior, short, watch=rest.append, state=state)
    assert [step.number for step in rest] == [2]
    assert torch.equal(shape.exponents, train(prior, short).exponents)


def test_a_loss_that_is_not_finite_stops_training_and_names_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    training = EvolutionTraining(OwnerPrior(), dataclasses.replace(SMALL, batch=4))
    training.step()
    monkeypatch.setattr(residual_menu, "_loss", lambda *given: (float("nan"), 1.0))
    with pytest.raises(FloatingPointError, match="training step 1"):
        training.step()


def test_owners_who_all_tolerate_the_same_have_one_level_and_two_below() -> None:
    assert first_shape(OwnerPrior(privacy_budget=(1.0, 1.0))).levels.tolist() == [0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"candidates": 3}, "candidates"),
        ({"other_owners": (3, 2)}, "other_owners"),
        ({"spread": 0.0}, "spread"),
        ({"share_of_others": 1.5}, "share_of_others"),
    ],
)
def test_impossible_recipes_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ResidualRecipe(**fields)


def test_the_registry_finds_it() -> None:
    assert trainer("residual-menu").training is EvolutionTraining
