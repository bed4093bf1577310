"""The sequential menu: error bound beside All-in and the first best, an attack on its truthfulness, speed."""

from __future__ import annotations

import torch

from agents.broker.auctions.registry import load_auction
from agents.broker.training.resumption import run_to_end
from agents.broker.training.sequential_menu import MenuRecipe, MenuTraining
from agents.misreports.search import per_cost, search
from agents.prior import OwnerPrior
from analysis.evaluation import FIRST_BEST, evaluate

NAME = "sequential-menu"


def test_error_bound_beside_all_in_and_first_best(capsys):
    auctions = {name: load_auction(name) for name in (NAME, "proportional-share", "all-in")}
    table = evaluate(auctions).table
    columns = ["budget_factor", "auction", "mean", "low", "high", "invalid_rate", "over_first_best", "over_all_in"]
    with capsys.disabled():
        print("\n" + table[[*columns, "spent"]].round(3).to_string(index=False))
    drawn = table[table["budget_factor"] == "U[0.1, 2]"].set_index("auction")
    assert drawn.loc[NAME, "over_all_in"] <= 0.87
    assert drawn.loc[NAME, "over_first_best"] <= 1.40
    assert drawn.loc[NAME, "invalid_rate"] <= 0.001
    assert drawn.loc[NAME, "mean"] > drawn.loc[FIRST_BEST, "mean"]


def test_no_lie_of_two_hundred_pays_in_two_hundred_profiles(capsys):
    types, budget = OwnerPrior().sample(200, 10, torch.Generator().manual_seed(11))
    found = search(load_auction(NAME), types, budget, 200, torch.Generator().manual_seed(12))
    outcome = load_auction(NAME).run(types.truthful_bids(), budget)
    with capsys.disabled():
        gain = float(per_cost(types, found.gain).max())
        print(f"\n{found.tried} lies in three fields: largest gain over cost {gain!r}")
        print(f"least utility {float(types.utility(outcome).min())!r}", end=", ")
        print(f"most spent over budget {float((outcome.payment.sum(-1) / budget).max())!r}")
    assert float(found.gain.max()) <= 0
    assert float(types.utility(outcome).min()) >= 0
    assert bool((outcome.payment.sum(-1) <= budget).all())


def test_profiles_of_ten_in_one_batch(benchmark):
    types, budget = OwnerPrior().sample(10_000, 10, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark(lambda: auction.run(bids, budget))


def test_one_market_of_a_thousand(benchmark):
    types, budget = OwnerPrior().sample(1, 1000, torch.Generator().manual_seed(1))
    auction, bids = load_auction(NAME), types.truthful_bids()
    benchmark(lambda: auction.run(bids, budget))


def test_training_from_scratch(benchmark):
    benchmark.pedantic(lambda: run_to_end(MenuTraining(OwnerPrior(), MenuRecipe())), rounds=1)
