"""Training lowers the loss, plays the very auction that is deployed, and repeats itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from agents.broker.auctions.parts.menu_network import MenuNetwork
from agents.broker.auctions.registry import load_auction
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.broker.training.registry import trainer
from agents.broker.training.resumption import run_to_end
from agents.broker.training.sequential_menu import (
    MenuRecipe,
    MenuTraining,
    new_network,
    softened_auction,
)
from agents.prior import OwnerPrior

SMALL = MenuRecipe(steps=40, batch=64, owners=5, other_owners=(1, 8), width=16, averaging=0.8, seed=3)


def trained(prior: OwnerPrior, recipe: MenuRecipe) -> MenuNetwork:
    training = MenuTraining(prior, recipe)
    run_to_end(training)
    return training.network


def test_training_lowers_the_error_bound():
    prior = OwnerPrior()
    types, budget = prior.sample(500, 5, torch.Generator().manual_seed(0))

    def mean_log_bound(network):
        from agents.broker.training.truthful_figures import true_error_bound

        outcome = SequentialMenu(prior.units, network=network).run(types.truthful_bids(), budget)
        bound = true_error_bound(types, outcome)
        return float(bound[bound.isfinite()].log().mean())

    before = mean_log_bound(new_network(prior, SMALL))
    after = mean_log_bound(trained(prior, SMALL))
    assert after < before - 0.1


@pytest.mark.parametrize("name", ["sequential-menu", "sequential-menu-verified"])
def test_training_plays_the_auction_that_is_deployed(name):
    prior = OwnerPrior()
    auction = load_auction(name, prior=prior)
    types, budget = prior.sample(300, 10, torch.Generator().manual_seed(5))
    outcome = auction.run(types.truthful_bids(), budget)
    precision, share = softened_auction(auction.network, types, budget, prior.units, 1e-3)
    order = auction.approached(types.truthful_bids())
    precision, share = (torch.zeros_like(array).scatter(-1, order, array.detach()) for array in (precision, share))
    deployed = outcome.data_size.double() / types.data_size.sum(-1, keepdim=True)
    # Money is rounded to quanta in one and not in the other, which decides a rare near-tie otherwise.
    same = (outcome.privacy_loss**2 / 8 - precision.detach()).abs() < 1e-9
    assert float(same.double().mean()) > 0.99
    torch.testing.assert_close(share.detach()[same], deployed[same], rtol=0, atol=2e-3)


def test_two_trainings_with_one_seed_are_one():
    prior = OwnerPrior()
    short = dataclasses.replace(SMALL, steps=3)
    one, two = (trained(prior, short).state_dict() for _ in range(2))
    other = trained(prior, dataclasses.replace(short, seed=4)).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_a_checkpoint_with_its_card(tmp_path):
    path = tmp_path / "mine.safetensors"
    steps = []
    card = trainer("sequential-menu").make_checkpoint(
        path, OwnerPrior(), dataclasses.replace(SMALL, steps=2), watch=steps.append
    )
    assert [step.number for step in steps] == [0, 1]
    assert card.recipe["steps"] == 2
    assert load_auction(path).card == card


def test_a_gradient_that_is_not_finite_stops_training_and_names_the_batch():
    training = MenuTraining(OwnerPrior(), SMALL)
    training.step()
    state = training.state_dict()
    state["learner"]["head.bias"][0] = torch.nan
    training.load_state_dict(state)
    with pytest.raises(FloatingPointError, match=r"training step 1, a batch of \d+ profiles of \d+ owners"):
        training.step()


def test_an_interrupted_training_goes_on_to_the_same_tensors(tmp_path):
    prior, recipe = OwnerPrior(), dataclasses.replace(SMALL, steps=6, batch=16)
    whole = trainer("sequential-menu").make_checkpoint(tmp_path / "whole.safetensors", prior, recipe)
    interrupted, goes_on = MenuTraining(prior, recipe), MenuTraining(prior, recipe)
    for _ in range(4):
        interrupted.step()
    goes_on.load_state_dict(interrupted.state_dict())
    run_to_end(goes_on)
    kept = load_auction(tmp_path / "whole.safetensors").network.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in goes_on.network.state_dict().items())
    assert whole.recipe["steps"] == 6


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"other_owners": (3, 2)}, "other_owners"),
        ({"temperature": (0.1, 0.0)}, "temperature"),
        ({"share_of_others": 1.5}, "share_of_others"),
        ({"tiers": 0}, "tiers"),
        ({"averaging": 1.0}, "averaging"),
    ],
)
def test_impossible_recipes_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        MenuRecipe(**fields)


def test_only_learned_auctions_have_a_trainer():
    assert trainer("sequential-menu").training is MenuTraining
    with pytest.raises(ValueError, match="did you mean 'sequential-menu'"):
        trainer("sequential-menus")
