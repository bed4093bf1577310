"""What the privacy accounts of very many owners take: seconds of the processor and memory, without any market.

``pytest -s --override-ini python_files=bench_accounts.py tests/benchmarks``. Every case has a process of its own.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

PLAY = """
import resource, sys, time
import torch
from agents.owner.composed_account import ComposedAccount
from agents.perturbation.registry import perturbation_of

kind, owners, bidders, rounds = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
account = ComposedAccount(perturbation_of("privunit"), 1e-6, owners)
budget = 0.5 + 1.5 * torch.rand(owners, generator=generator, dtype=torch.float64)
cpu = []
for number in range(rounds):
    who = torch.randperm(owners, generator=generator)[:bidders]
    loss = budget[who]
    if kind == "levels":  # A few levels of a menu, most owners at one or two of them.
        loss = torch.tensor([0.0, 0.5, 0.75, 1.0])[torch.randint(4, (bidders,), generator=generator)].double()
    if kind == "random":
        loss = loss * torch.rand(bidders, generator=generator, dtype=torch.float64)
    start = time.process_time()
    account.charge(who, loss)
    account.total(who)
    cpu.append(time.process_time() - start)
peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
print(f"{sum(cpu):.1f} s in all, {cpu[-1]:.2f} s the last round, {peak:.2f} GB, {len(account._shared):,} compositions")
"""


@pytest.mark.parametrize(
    ("kind", "owners", "bidders", "rounds"),
    [
        ("equal", 100_000, 10_000, 1000),
        ("equal", 100_000, 100_000, 10),
        ("levels", 100_000, 100_000, 5),
        ("random", 100_000, 10_000, 20),
    ],
)
def test_accounts(kind: str, owners: int, bidders: int, rounds: int) -> None:
    """Losses that are always the same for an owner, levels of a menu, and liars who sell another loss every time."""
    words = [sys.executable, "-c", PLAY, kind, str(owners), str(bidders), str(rounds)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    print(f"\n{kind}, {owners:,} owners, {rounds:,} rounds of {bidders:,}: {done.stdout.strip()}")
