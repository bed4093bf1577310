"""Weights and first best: time per profile, distance to a conic solver's points, the table by budget factor.

Run with ``pytest tests/benchmarks/bench_weights.py -o python_files='bench_*.py'``; the figures are printed.
"""

from __future__ import annotations

import itertools
import math
import runpy
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from agents.broker.aggregation import optimal_error_bound, optimal_weights
from agents.broker.first_best import everybody_at_her_own_budget, first_best
from agents.prior import OwnerPrior

Print = Callable[[str], None]
TESTS = Path(__file__).parents[1] / "agents" / "broker"
"""The oracles are those of the tests."""
EARLIER = {"0.1": 3.00, "0.3": 1.84, "0.5": 1.39, "1": 1.12, "2": 1.12, "U[0.1, 2]": 1.34}
"""First best by budget factor as the best of four local searches once found it, on other profiles of the prior."""


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Print:
    """Print past pytest's capture."""

    def print_now(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")

    return print_now


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def paper_like(batch: int, owners: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Variances and shares; a third of the owners sells nothing, another third a half."""
    types, _ = OwnerPrior().sample(batch, owners, generator)
    part = torch.randint(3, (batch, owners), generator=generator).double() / 2
    share = types.data_size * part / types.data_size.sum(-1, keepdim=True)
    variance = 8 / (types.privacy_budget * (0.5 + 0.5 * torch.rand(batch, owners, generator=generator))) ** 2
    return torch.where(part > 0, variance, math.inf), share


def per_profile(benchmark, batch: int) -> str:
    stats = benchmark.stats.stats
    return f"{stats.min / batch * 1e6:.2f} (median {stats.median / batch * 1e6:.2f}) microseconds per profile"


def test_optimal_weights(benchmark, threads: int, say: Print) -> None:
    variance, share = paper_like(10_000, 10, torch.Generator().manual_seed(0))
    benchmark.pedantic(optimal_weights, (variance, share), rounds=50, warmup_rounds=5)
    say(f"optimal_weights, 10 000 x 10, {threads} thread(s): {per_profile(benchmark, 10_000)}")


def test_optimal_error_bound_with_both_gradients(benchmark, threads: int, say: Print) -> None:
    variance, share = paper_like(10_000, 10, torch.Generator().manual_seed(0))
    variance, share = variance.requires_grad_(), share.requires_grad_()
    benchmark.pedantic(
        lambda: torch.autograd.grad(optimal_error_bound(variance, share).sum(), (variance, share)),
        rounds=50,
        warmup_rounds=5,
    )
    say(f"optimal_error_bound and slopes, 10 000 x 10, {threads} thread(s): {per_profile(benchmark, 10_000)}")


def test_a_hundred_thousand_owners(benchmark, say: Print) -> None:
    size = (2 * torch.randn(1, 100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).exp()
    benchmark.pedantic(optimal_weights, (1 + size.flip(-1), size / size.sum()), rounds=5, warmup_rounds=1)
    say(f"optimal_weights, 1 x 100 000: {benchmark.stats.stats.min * 1e3:.0f} ms")


def test_distance_to_clarabel(say: Print) -> None:
    """n from 1 to 200: paper-like, equal and extreme shares and noise; losers and unbought parts."""
    oracle, generator = runpy.run_path(str(TESTS / "test_aggregation.py")), torch.Generator().manual_seed(2022)
    excess: list[float] = []
    for trial in itertools.count():
        owners = (1, 2, 3, 5, 10, 10, 30, 100, 200)[trial % 9]
        variance, share, scale = oracle["draw"](trial % 5, owners, generator)
        theirs = oracle["clarabel_bound"](variance, share, scale)
        if theirs is not None:
            excess.append(float(optimal_error_bound(variance[None], share[None], scale)) / theirs - 1)
        if len(excess) == 500:
            break
    say(
        f"optimal_weights over clarabel, 500 profiles ({trial + 1} drawn): worst {max(excess):.1e}, "
        f"median {statistics.median(excess):.1e}; clarabel over optimal_weights: {1 / (1 + min(excess)) - 1:.1e}"
    )
    assert max(excess) <= 1e-8


def test_first_best_table(say: Print) -> None:
    lower_bound = runpy.run_path(str(TESTS / "test_first_best.py"))["lower_bound"]
    say("first best, 500 profiles of 10 owners per budget factor (lower bound: by duality, nobody can beat it)")
    say("  f           first best  +-95 %   lower bound   worst ratio   at own budgets   earlier")
    for label, earlier in EARLIER.items():
        factors = (0.1, 2.0) if label.startswith("U") else (float(label), float(label))
        types, budget = OwnerPrior(budget_factor=factors).sample(500, 10, torch.Generator().manual_seed(2022))
        found = first_best(types, budget).error_bound
        minimum = torch.cat([lower_bound(types.take(rows), budget[rows]) for rows in torch.arange(500).split(25)])
        say(
            f"  {label:10} {float(found.mean()):11.4f}  {1.96 * float(found.std()) / math.sqrt(500):6.3f}   "
            f"{float(minimum.mean()):11.4f}   {float((found / minimum).max()):11.4f}   "
            f"{float(everybody_at_her_own_budget(types).mean()):14.4f}   {earlier:9.2f}"
        )


def test_first_best(benchmark, say: Print) -> None:
    types, budget = OwnerPrior().sample(2000, 10, torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    benchmark.pedantic(first_best, (types, budget), rounds=1)
    torch.set_num_threads(before)
    say(f"first best, 2 000 profiles of 10 owners, 1 thread: {benchmark.stats.stats.min:.1f} s")
