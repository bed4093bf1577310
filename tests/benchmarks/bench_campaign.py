"""What the engine costs: speed-up of two processes beside that of two bare ones, overhead of a run, parent's memory.

``pytest --override-ini python_files='bench_*.py' tests/benchmarks/bench_campaign.py -s``, on a machine that does
nothing else: both sides of a ratio alternate, and their medians are compared.
"""

from __future__ import annotations

import itertools
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import torch

from market_sim import MarketConfig
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.workers import Workers
from market_sim.sweeps.plan import SweepPlan
from market_sim.sweeps.play import play_run, play_sweep

RUNS, PAIRS = int(os.environ.get("FL_MARKET_RUNS", "60")), int(os.environ.get("FL_MARKET_PAIRS", "5"))
MARKET = MarketConfig(rounds=100)
"""Of a run of about two seconds."""
BARE = """
import sys
import torch
torch.set_num_threads(1)
from market_sim import MarketConfig, run_market
for seed in range(int(sys.argv[1]), int(sys.argv[2])):
    run_market(MarketConfig(rounds=100), seed=seed)
"""


def test_two_workers_against_one_and_two_bare_processes_against_one(tmp_path, capsys):
    """Goal: at least 1.85 times as fast on two cores."""
    ratios: dict[str, list[float]] = {"sweep": [], "bare": []}
    for pair in range(PAIRS):
        one, two = (swept(tmp_path / f"{pair}-{jobs}", jobs) for jobs in (1, 2))
        ratios["sweep"].append(one / two)
        one, two = (bare(processes) for processes in (1, 2))
        ratios["bare"].append(one / two)
    with capsys.disabled():
        for name, found in ratios.items():
            every = ", ".join(f"{ratio:.2f}" for ratio in found)
            print(f"\n{name}, {RUNS} runs: {statistics.median(found):.2f} times as fast ({every})")


def swept(out: Path, jobs: int) -> float:
    started = time.perf_counter()
    play_sweep(SweepPlan(seeds=RUNS), out, config=MARKET, workers=Workers(jobs))
    return time.perf_counter() - started


def bare(processes: int) -> float:
    edges = [RUNS * part // processes for part in range(processes + 1)]
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", BARE, str(first), str(last)], env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        for first, last in itertools.pairwise(edges)
    ]
    for process in running:
        assert process.wait() == 0
    return time.perf_counter() - started


def test_overhead_of_a_run(tmp_path, capsys):
    """Goal: at most 30 ms more than the run itself, after the first."""
    torch.set_num_threads(1)
    market = MarketConfig(rounds=5, owners=20, bidders=10)
    play_run(market, 0)
    clocks = {"by the clock": time.perf_counter, "of the processor": time.process_time}
    found: dict[str, list[float]] = {name: [] for name in clocks}
    for pair in range(PAIRS):
        started = {name: clock() for name, clock in clocks.items()}
        for seed in range(20):
            play_run(market, seed)
        alone = {name: clock() - started[name] for name, clock in clocks.items()}
        started = {name: clock() for name, clock in clocks.items()}
        play_sweep(SweepPlan(seeds=20), tmp_path / f"{pair}", config=market, workers=Workers(1))
        for name, clock in clocks.items():
            found[name].append((clock() - started[name] - alone[name]) / 20)
    each = ", ".join(f"{1000 * statistics.median(pairs):.1f} ms a run {name}" for name, pairs in found.items())
    with capsys.disabled():
        print(f"\noverhead: {each}")


def nothing(number: int) -> JobResult:
    return JobResult({"rows": pd.DataFrame({"number": range(100)})}, {"number": number})


def test_memory_of_the_parent(tmp_path, capsys):
    """Goal: flat over 2 000 runs."""
    peaks = []
    for count in (100, 2000):
        jobs = [Job(f"number={number}", nothing, (number,)) for number in range(count)]
        run_campaign(jobs, tmp_path / "c", identity={}, workers=Workers(2))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    with capsys.disabled():
        print(f"\nparent: {peaks[0]:.0f} MB after 100 runs, {peaks[1]:.0f} MB after 2 000")
