"""Training against regret: it lowers what it minimises, plays the auction that is deployed, repeats and resumes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from agents.broker.auctions.dm_regretnet import DMRegretNet
from agents.broker.auctions.parts.allocation_rules import after_refusals, drawn, highest
from agents.broker.auctions.registry import load_auction
from agents.broker.training.augmented_lagrangian import (
    RegretTraining,
    entropy_penalty,
    new_network,
    purchases,
)
from agents.broker.training.profiles import Profiles
from agents.broker.training.registry import trainer
from agents.broker.training.regret_recipe import PAPER_SEARCH, RegretRecipe
from agents.broker.training.resumption import run_to_end
from agents.prior import OwnerPrior

SMALL = RegretRecipe(steps=60, batch=96, owners=4, levels=3, width=16, candidates=4, learning_rate=5e-3, seed=3)


def trained(recipe, propose=highest):
    training = RegretTraining(propose, OwnerPrior(), recipe)
    steps = []
    run_to_end(training, watch=steps.append)
    return training, steps


def test_training_lowers_the_loss():
    _, steps = trained(dataclasses.replace(SMALL, warm_up=0.0, rho=0.0, regret=2.0))
    losses = torch.tensor([step.loss for step in steps])
    assert float(losses[-15:].mean()) < float(losses[:15].mean()) - 0.1


def test_training_plays_the_auction_that_is_deployed_on_the_same_privacy_losses():
    auction, prior = load_auction("dm-regretnet"), OwnerPrior()
    types, budget = prior.sample(300, 10, torch.Generator().manual_seed(5))
    outcome = auction.run(types.truthful_bids(), budget)
    reports = Profiles.of(types, budget, prior.units).truthful(auction.network.levels)
    sales = after_refusals(highest(auction.network, reports), reports)
    loss = (sales.probability * reports.loss()).sum(-1)
    # Training computes in float32, which decides a rare near-tie otherwise.
    assert float(((outcome.privacy_loss - loss).abs() < 1e-5).double().mean()) > 0.99
    payment = (sales.probability * sales.payment)[..., 1:].sum(-1) * prior.units.money
    same = (outcome.privacy_loss - loss).abs() < 1e-5
    assert float(((outcome.payment - payment).abs() <= 1e-3 * outcome.payment + 1e-6)[same].double().mean()) > 0.98


def test_two_trainings_with_one_seed_are_one():
    short = dataclasses.replace(SMALL, steps=3)
    one, two = (trained(short)[0].learner.state_dict() for _ in range(2))
    other = trained(dataclasses.replace(short, seed=4))[0].learner.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["payment.0.weight"], other["payment.0.weight"])


def test_a_gradient_that_is_no_number_stops_training_names_the_batch_and_changes_nothing():
    training = RegretTraining(highest, OwnerPrior(), SMALL)
    training.step()
    with torch.no_grad():
        training.learner.payment[0].bias[0] = torch.nan
    before = {name: tensor.clone() for name, tensor in training.learner.state_dict().items()}
    with pytest.raises(FloatingPointError, match=r"training batch 1: .*not finite"):
        training.step()
    for name, tensor in training.learner.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0, equal_nan=True)


def test_multipliers_grow_while_there_is_regret():
    training, _ = trained(dataclasses.replace(SMALL, steps=30, rho=50.0))
    grown = training.state_dict()["regret"]
    assert bool((grown >= SMALL.regret).all())
    assert float(grown.max()) > SMALL.regret + 1


def test_the_search_of_the_paper_is_an_option_of_the_same_loop():
    recipe = dataclasses.replace(SMALL, steps=1, **{**PAPER_SEARCH, "climbs": 5})
    _, steps = trained(recipe)
    assert steps[0].found_regret >= 0
    with pytest.raises(ValueError, match="candidates = climbs = 0"):
        dataclasses.replace(SMALL, candidates=0, climbs=0)


def test_certain_allocations_are_not_punished_and_even_ones_most():
    certain, even = torch.eye(4)[None], torch.full((1, 4, 4), 0.25)
    assert float(entropy_penalty(certain)) == pytest.approx(0.0, abs=1e-6)
    assert float(entropy_penalty(even)) == pytest.approx(0.75)


def test_what_a_lottery_buys_is_counted_in_expectation():
    prior = OwnerPrior()
    profiles = Profiles.of(*prior.sample(5, 4, torch.Generator().manual_seed(0)), prior.units)
    reports = profiles.truthful(3)
    network = new_network(SMALL, torch.Generator().manual_seed(0))
    sales = after_refusals(drawn(network, reports), reports)
    precision, share = purchases(sales, reports)
    by_hand = sum(sales.probability[..., k] * (reports.cap * k / 3) ** 2 / 8 for k in range(4))
    torch.testing.assert_close(precision, by_hand.double(), rtol=1e-5, atol=1e-7)
    assert bool((share.sum(-1) <= 1 + 1e-6).all())


@pytest.mark.parametrize("name", ["regretnet", "m-regretnet", "dm-regretnet"])
def test_a_checkpoint_with_its_card(name, tmp_path):
    path = tmp_path / "mine.safetensors"
    recipe = trainer(name).recipe(steps=2, batch=16, owners=3, width=8)
    card = trainer(name).make_checkpoint(
        path, OwnerPrior(), recipe, state=tmp_path / "mine.state", measured=(20, 3, 8), watch=None
    )
    auction = load_auction(path)
    assert auction.card == card
    assert (card.recipe["steps"], card.architecture["levels"]) == (2, recipe.levels)
    assert card.figures["ir_violation_rate"] == 0
    assert auction.max_owners == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"objective": "accuracy"}, "objective"),
        ({"warm_up": 2.0}, "warm_up"),
        ({"rho": -1.0}, "rho"),
    ],
)
def test_impossible_recipes_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        RegretRecipe(**fields)


def test_a_network_without_units_is_refused():
    with pytest.raises(ValueError, match="needs the public units"):
        DMRegretNet(network=new_network(SMALL, torch.Generator().manual_seed(0)))
