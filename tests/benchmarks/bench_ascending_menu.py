"""The ascending menu beside the sequential menu, for any number of owners and all their sizes; attack and speed."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from agents.broker.auctions.registry import load_auction
from agents.broker.training.ascending_menu import AscendingRecipe, AscendingTraining
from agents.broker.training.resumption import run_to_end
from agents.broker.training.truthful_figures import true_error_bound
from agents.misreports.search import per_cost, search
from agents.prior import BUDGETS, SIZES, OwnerPrior
from analysis.intervals import ratio_ends, resamples

NAME, BESIDE = "ascending-menu", "sequential-menu"
PROFILES = {3: 2000, 10: 2000, 30: 500, 100: 200}


def over_sequential(owners: int, profiles: int, seed: int, **regime: str) -> dict[str, float]:
    """Ratio of mean error bounds to the sequential menu's on the same profiles, valid in both, with its interval."""
    types, budget = OwnerPrior(**regime).sample(profiles, owners, torch.Generator().manual_seed(seed))
    outcomes = {name: load_auction(name).run(types.truthful_bids(), budget) for name in (NAME, BESIDE)}
    bounds = {name: true_error_bound(types, outcome) for name, outcome in outcomes.items()}
    valid = bounds[NAME].isfinite() & bounds[BESIDE].isfinite()
    top, bottom = bounds[NAME][valid].numpy(), bounds[BESIDE][valid].numpy()
    assert float(types.utility(outcomes[NAME]).min()) >= 0
    assert bool((outcomes[NAME].payment.sum(-1) <= budget).all())
    return {
        "owners": owners,
        **regime,
        "seed": seed,
        "ratio": top.sum() / bottom.sum(),
        **ratio_ends("", top, bottom, resamples(len(top), seed=0)),
        "mean": top.mean(),
        "invalid": float((~bounds[NAME].isfinite()).double().mean()),
        "spent": float((outcomes[NAME].payment.sum(-1) / budget).mean()),
    }


def test_the_paper_s_prior_on_two_seeds(capsys):
    rows = [over_sequential(10, 2000, seed, sizes="lognormal", budgets="tied") for seed in (2022, 31)]
    with capsys.disabled():
        print("\n" + pd.DataFrame(rows).round(4).to_string(index=False))
    assert all(row["ratio"] <= 1 for row in rows)


@pytest.mark.parametrize("owners", PROFILES)
def test_all_regimes(owners, capsys):
    rows = [
        over_sequential(owners, PROFILES[owners], seed=2022, sizes=sizes, budgets=budgets)
        for sizes in SIZES
        for budgets in BUDGETS
    ]
    with capsys.disabled():
        print("\n" + pd.DataFrame(rows).round(4).to_string(index=False))


def test_no_lie_of_sixty_pays_in_forty_profiles(capsys):
    types, budget = OwnerPrior().sample(40, 10, torch.Generator().manual_seed(11))
    found = search(load_auction(NAME), types, budget, 60, torch.Generator().manual_seed(12), rerun=True)
    with capsys.disabled():
        print(
            f"\n{found.tried} lies in three fields: largest gain over cost {float(per_cost(types, found.gain).max())!r}"
        )
    assert float(found.gain.max()) <= 0


def test_profiles_of_ten_in_one_batch(benchmark):
    types, budget = OwnerPrior().sample(2000, 10, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark(lambda: auction.run(bids, budget))


@pytest.mark.parametrize("owners", [10, 100, 1000])
def test_one_market(benchmark, owners):
    types, budget = OwnerPrior().sample(1, owners, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark(lambda: auction.run(bids, budget))


def test_training_from_scratch(benchmark):
    benchmark.pedantic(lambda: run_to_end(AscendingTraining(OwnerPrior(), AscendingRecipe())), rounds=1)
