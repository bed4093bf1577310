"""The full error bound over the first best's: ``pytest -s --override-ini python_files='bench_*.py' THIS_FILE``."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.broker.first_best import first_best
from agents.broker.training.truthful_figures import counted_coordinates, true_error_bound
from agents.prior import OwnerPrior

COORDINATES = counted_coordinates(load_auction("sequential-menu-full"))
FACTORS = {"0.1": (0.1, 0.1), "0.5": (0.5, 0.5), "1": (1.0, 1.0), "2": (2.0, 2.0), "U[0.1, 2]": (0.1, 2.0)}


@pytest.mark.parametrize("factor", FACTORS)
def test_menus_under_the_full_bound(factor: str) -> None:
    prior = replace(OwnerPrior(), budget_factor=FACTORS[factor])
    types, budget = prior.sample(500, 10, torch.Generator().manual_seed(2022))
    best = first_best(types, budget, variance=lambda loss: COORDINATES * 8 / loss**2).error_bound
    for name in ("sequential-menu-full", "sequential-menu", "sequential-menu-verified", "all-in"):
        outcome = load_auction(name).run(types.truthful_bids(), budget, torch.Generator().manual_seed(1))
        bound = true_error_bound(types, outcome, COORDINATES)
        valid = bound.isfinite()
        print(f"f = {factor}, {name}: {float(bound[valid].mean() / best[valid].mean()):.3f} of the first best")
