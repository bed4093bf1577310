"""Rounds with very many bidders and liars, populations of a million, long runs: seconds, CPU seconds and memory.

``pytest -s --override-ini python_files=bench_large_rounds.py tests/benchmarks``. Every market is played in a process of
its own, one torch thread, so that the peak of its memory is its own.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest

LIES = ("scaled-valuation", "understated-privacy-budget", "understated-data-size", "random-misreport")
PLAY = """
import json, resource, sys, time
import torch
from market_sim import FLMarket

torch.set_num_threads(1)
fields = json.loads(sys.argv[1])
start = time.perf_counter()
market = FLMarket(seed=1, rounds=2, task="synthetic", **fields)
build = time.perf_counter() - start
market.step()
start, cpu = time.perf_counter(), time.process_time()
market.step()
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
rounds = market.tables()["rounds"]
print(json.dumps({"build": build, "round": seconds, "cpu": cpu, "GB": peak, "lies": rounds["misreports"][-1],
                  "tried": rounds["misreports_tried"][-1]}))
"""


def played(liars: float, **fields: Any) -> dict[str, float]:
    """One round after a first one that warms up."""
    shares = {"truthful": 1 - liars, **({name: liars / len(LIES) for name in LIES} if liars else {})}
    command = [sys.executable, "-c", PLAY, json.dumps({**fields, "strategies": shares})]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def shown(name: str, found: dict[str, float]) -> None:
    print(f"\n{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()))


@pytest.mark.parametrize(("auction", "liars"), [("sequential-menu", 0.0), ("sequential-menu", 0.4), ("all-in", 0.4)])
def test_a_hundred_thousand_bidders(auction: str, liars: float) -> None:
    """Goals: 8 s truthful, 25 s with liars, 2 GB; 650 parameters."""
    options = {"features": 129, "records": 100_000}
    found = played(liars, auction=auction, owners=100_000, bidders=100_000, task_options=options)
    shown(f"{auction}, 100 000 bidders, {liars:.0%} liars", found)


def test_a_million_owners() -> None:
    """Goals: build 8 s, 1 s a round, 1.5 GB."""
    options = {"records": 10_000_000}
    shown("a million owners", played(0.4, owners=1_000_000, bidders=1000, task_options=options))


@pytest.mark.parametrize("counterfactuals", ["sampled", "exact"])
@pytest.mark.parametrize("auction", ["sequential-menu", "all-in", "pay-as-bid"])
def test_how_a_round_grows_with_its_bidders(auction: str, counterfactuals: str) -> None:
    """Goal: exponent 1.1 at most, liars included; ``exact`` of a rule without a faster way grows with the square."""
    sizes = (4000, 8000, 16000) if auction != "pay-as-bid" or counterfactuals == "sampled" else (1000, 2000, 4000)
    found = [
        played(
            0.4,
            auction=auction,
            owners=size,
            bidders=size,
            task_options={"records": 10 * size},
            counterfactuals=counterfactuals,
        )
        for size in sizes
    ]
    exponent = math.log(found[-1]["cpu"] / found[0]["cpu"]) / math.log(sizes[-1] / sizes[0])
    each = ", ".join(f"{size}: {one['cpu']:.2f} s" for size, one in zip(sizes, found, strict=True))
    print(f"\n{auction}, {counterfactuals}: exponent {exponent:.2f} ({each})")
