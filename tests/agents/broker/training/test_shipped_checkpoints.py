"""What is shipped is what the documented command trains, small, and as good as its card says."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from agents.broker.auctions.checkpoint import SHIPPED, ModelCard
from agents.broker.auctions.registry import load_auction
from agents.broker.training.found_regret import regret_figures
from agents.broker.training.registry import TRAINERS, trainer
from agents.broker.training.truthful_figures import counted_coordinates, true_error_bound
from agents.prior import OwnerPrior


@pytest.mark.parametrize("name", TRAINERS)
def test_the_card_names_the_recipe_of_the_command_and_the_paper_s_prior(name):
    card = ModelCard.load(SHIPPED / f"{name}.safetensors")
    assert card.recipe == json.loads(json.dumps(asdict(trainer(name).recipe())))
    assert card.prior == json.loads(json.dumps(asdict(OwnerPrior())))
    assert (SHIPPED / f"{name}.safetensors").stat().st_size <= 2_000_000


@pytest.mark.parametrize("name", TRAINERS)
def test_the_card_s_error_bound_is_found_again_on_other_profiles(name):
    card, auction = ModelCard.load(SHIPPED / f"{name}.safetensors"), load_auction(name)
    types, budget = OwnerPrior().sample(600, 10, torch.Generator().manual_seed(31))
    outcome = auction.run(types.truthful_bids(), budget, torch.Generator().manual_seed(32))
    bound = true_error_bound(types, outcome, counted_coordinates(auction))
    assert float(bound[bound.isfinite()].mean()) == pytest.approx(card.figures["mean_error_bound"], rel=0.2)


@pytest.mark.parametrize(("name", "maximum"), [("equivariant-menu", 0.05), ("dm-regretnet", 0.10)])
def test_lies_hardly_pay_where_training_worked_against_them(name, maximum):
    figures = regret_figures(load_auction(name), OwnerPrior(), profiles=20, queries=100)
    assert 0 < figures["found_regret"] <= maximum
    assert figures["ir_violation_rate"] == 0


def test_under_the_full_bound_its_own_menu_is_better_than_the_one_for_a_single_coordinate():
    """At least 5 %, and near what everybody's whole privacy budget would give, which no purchase can beat by much."""
    types, budget = OwnerPrior().sample(600, 10, torch.Generator().manual_seed(31))
    full = load_auction("sequential-menu-full")
    means = []
    for auction in (full, load_auction("sequential-menu")):
        outcome = auction.run(types.truthful_bids(), budget, None)
        bound = true_error_bound(types, outcome, counted_coordinates(full))
        assert bool(bound.isfinite().all())
        means.append(float(bound.mean()))
    least_noise = 8 * counted_coordinates(full) / types.privacy_budget.square().sum(-1)
    assert float(least_noise.mean()) < means[0] < 0.95 * means[1]
    assert means[0] < 1.1 * float(least_noise.mean())
