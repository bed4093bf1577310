"""RegretNet, M-RegretNet and DM-RegretNet: error bound, found regret, speed of the auction and of a training step."""

from __future__ import annotations

import time

import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.broker.training.augmented_lagrangian import RegretTraining
from agents.broker.training.found_regret import regret_figures
from agents.broker.training.regret_recipe import RegretRecipe
from agents.broker.training.truthful_figures import truthful_figures
from agents.prior import OwnerPrior

NAMES = ("dm-regretnet", "m-regretnet", "regretnet")


@pytest.mark.parametrize("name", NAMES)
def test_figures_on_fresh_profiles(name, capsys):
    auction = load_auction(name)
    figures = truthful_figures(auction, OwnerPrior(), seed=7) | regret_figures(auction, OwnerPrior(), seed=8)
    with capsys.disabled():
        print(f"\n{name}:", ", ".join(f"{key} {value:.4g}" for key, value in figures.items()))
    assert figures["ir_violation_rate"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_profiles_per_second(name, benchmark):
    auction = load_auction(name)
    types, budget = OwnerPrior().sample(10_000, 10, torch.Generator().manual_seed(0))
    benchmark.pedantic(auction.run, args=(types.truthful_bids(), budget), rounds=5, warmup_rounds=1)
    assert 10_000 / benchmark.stats["mean"] > 20_000


def test_a_training_step_of_dm_regretnet(capsys):
    training = RegretTraining(load_auction("dm-regretnet").propose, OwnerPrior(), RegretRecipe())
    training.step()
    start = time.perf_counter()
    for _ in range(10):
        training.step()
    with capsys.disabled():
        print(f"\n{(time.perf_counter() - start) / 10:.3f} s a step of {training.recipe.batch} markets, one thread")
