"""Training lowers the error bound, plays the very auction that is deployed, and repeats itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from agents.broker.auctions.ascending_menu import AscendingMenu
from agents.broker.auctions.parts import ascending_groups
from agents.broker.auctions.parts.ascending_groups import in_groups
from agents.broker.auctions.parts.ascending_network import AscendingNetwork
from agents.broker.training.ascending_menu import AscendingRecipe, AscendingTraining, new_network
from agents.broker.training.registry import trainer
from agents.broker.training.resumption import run_to_end
from agents.broker.training.softened_ascending import Shortcuts, softened_auction
from agents.broker.training.truthful_figures import true_error_bound
from agents.prior import OwnerPrior

SMALL = AscendingRecipe(steps=30, small_steps=30, large_steps=0, batch=64, width=16, levels=12, averaging=0.8, seed=3)
EVERYTHING = Shortcuts(earlier_lists=100, lower_classes=100)


def trained(recipe: AscendingRecipe) -> AscendingNetwork:
    training = AscendingTraining(OwnerPrior(), recipe)
    run_to_end(training)
    return training.network


@pytest.mark.parametrize("owners", [5, 10])
def test_training_lowers_the_error_bound(owners):
    prior = OwnerPrior()

    def mean_log_bound(network: AscendingNetwork) -> float:
        types, budget = prior.sample(300, owners, torch.Generator().manual_seed(0))
        outcome = AscendingMenu(prior.units, network=network).run(types.truthful_bids(), budget)
        bound = true_error_bound(types, outcome)
        return float(bound[bound.isfinite()].log().mean())

    assert mean_log_bound(trained(SMALL)) < mean_log_bound(new_network(prior, SMALL)) - 0.1


@pytest.mark.parametrize("owners", [1, 2, 3, 10])
def test_training_plays_the_auction_that_is_deployed(owners):
    prior = OwnerPrior()
    network = trained(dataclasses.replace(SMALL, steps=15, small_steps=15)).eval()
    types, budget = prior.sample(300, owners, torch.Generator().manual_seed(5))
    outcome = AscendingMenu(prior.units, network=network).run(types.truthful_bids(), budget)

    with torch.no_grad():
        precision, share = softened_auction(network, types, budget, prior.units, 1e-3, EVERYTHING)

    order = torch.cat([group.owner[..., 0] for group in in_groups(types.data_size)], dim=-1)
    bought = outcome.data_size.gather(1, order).double() / types.data_size.sum(-1, keepdim=True)
    same = (outcome.privacy_loss.gather(1, order) ** 2 / 8 - precision).abs() < 1e-6
    # Training knows no money line of all higher worlds and computes in float32. In a group of one all worlds begin
    # alike and the line is the money left.
    assert float(same.double().mean()) > (0.99 if owners == 1 else 0.9)
    if owners == 1:
        torch.testing.assert_close(share[same], bought[same], rtol=0, atol=2e-3)
    else:
        assert float((share - bought)[same].abs().mean()) < 0.02


def test_training_plays_blocks_as_they_are_deployed(monkeypatch):
    monkeypatch.setattr(ascending_groups, "MAX_ALONE", 4)
    monkeypatch.setattr(ascending_groups, "LARGEST_ALONE", 2)
    prior = OwnerPrior()
    network = trained(dataclasses.replace(SMALL, steps=15, small_steps=15)).eval()
    types, budget = prior.sample(200, 11, torch.Generator().manual_seed(5))  # blocks of three; nine and two
    outcome = AscendingMenu(prior.units, network=network).run(types.truthful_bids(), budget)
    with torch.no_grad():
        precision, _ = softened_auction(network, types, budget, prior.units, 1e-3, EVERYTHING)

    first, second = in_groups(types.data_size)
    assert [int(turn[0]) for turn in first.present(11)] == [1, 3, 3, 1, 1]
    order = torch.cat([first.owner.flatten(1), second.owner.flatten(1)], dim=-1)
    order = order[order < 11].view(200, 11)
    same = (outcome.privacy_loss.gather(1, order) ** 2 / 8 - precision).abs() < 1e-6
    assert float(same.double().mean()) > 0.9


def test_small_usual_and_large_markets_have_networks_of_their_own():
    recipe = dataclasses.replace(SMALL, steps=3, small_steps=2, large_steps=2, batch=16)
    training = AscendingTraining(OwnerPrior(), recipe)
    moved = []
    for _ in range(training.steps):
        before = {name: tensor.clone() for name, tensor in training.learner.state_dict().items()}
        training.step()
        after = training.learner.state_dict()
        moved.append({name.split(".")[0] for name in after if not torch.equal(before[name], after[name])})
    assert moved == [{"usual"}] * 3 + [{"small"}] * 2 + [{"large"}] * 2
    means, begun = training.network.state_dict(), new_network(OwnerPrior(), recipe).state_dict()
    for part in ("usual", "small", "large"):
        assert not torch.equal(means[f"{part}.4.weight"], begun[f"{part}.4.weight"])


def test_two_trainings_with_one_seed_are_one():
    short = dataclasses.replace(SMALL, steps=3, small_steps=2)
    one, two = (trained(short).state_dict() for _ in range(2))
    other = trained(dataclasses.replace(short, seed=4)).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["small.4.weight"], other["small.4.weight"])


def test_an_interrupted_training_goes_on_to_the_same_tensors():
    recipe = dataclasses.replace(SMALL, steps=3, small_steps=3, batch=16)
    interrupted, goes_on = AscendingTraining(OwnerPrior(), recipe), AscendingTraining(OwnerPrior(), recipe)
    for _ in range(4):
        interrupted.step()
    goes_on.load_state_dict(interrupted.state_dict())
    run_to_end(goes_on)
    whole = trained(recipe).state_dict()
    assert all(torch.equal(whole[name], tensor) for name, tensor in goes_on.network.state_dict().items())


def test_steps_are_made_with_all_regimes_and_numbers_of_owners(monkeypatch):
    drawn = []
    sample = OwnerPrior.sample

    def noted(prior, batch, owners, generator):
        drawn.append((prior.sizes, prior.budgets, owners, batch))
        return sample(prior, batch, owners, generator)

    monkeypatch.setattr(OwnerPrior, "sample", noted)
    recipe = dataclasses.replace(
        SMALL, steps=60, small_steps=60, large_steps=40, batch=2, share_of_neighbours=0.5, share_of_regimes=0.7
    )
    trained(recipe)
    assert {sizes for sizes, *_ in drawn} == {"lognormal", "equal", "zipf", "dirichlet"}
    assert {budgets for _, budgets, *_ in drawn} == {"tied", "independent"}
    numbers = [owners for _, _, owners, _ in drawn]
    assert {1, 2, 7, 8, 10, 13, 21} <= set(numbers) <= set(range(1, 101))
    assert max(numbers, key=numbers.count) == 10


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"owners": 5}, "owners"),
        ({"neighbours": (9, 21)}, "neighbours"),
        ({"most_owners": 20}, "most_owners"),
        ({"temperature": (0.1, 0.0)}, "temperature"),
        ({"share_of_regimes": 1.5}, "share_of_regimes"),
        ({"class_ratio": 1.0}, "class_ratio"),
        ({"earlier_lists": -1}, "earlier_lists"),
    ],
)
def test_impossible_recipes_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        AscendingRecipe(**fields)


def test_the_command_knows_the_trainer():
    assert trainer("ascending-menu").recipe() == AscendingRecipe()
