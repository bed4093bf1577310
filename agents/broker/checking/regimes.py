"""Markets of every size: from one owner to a thousand, sizes and budgets of every kind that the prior knows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import torch

from agents.broker.checking.hard_profiles import Profile
from agents.data_sizes import SIZES
from agents.prior import BUDGETS, OwnerPrior

EVERY_NUMBER_TO = 130
"""Every number of owners up to this one is a market of its own."""
LARGE: tuple[int, ...] = (150, 200, 255, 256, 257, 300, 400, 500, 512, 513, 777, 1000)
CLOSELY: frozenset[int] = frozenset(
    {1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 15, 16, 17, 20, 25, 31, 32, 33, 40, 49, 50, 51, 63, 64, 65, 80, 99, 100, 101, 128,
     200, 256, 300, 1000}
)  # fmt: skip
"""Numbers of owners at which every way of asking is compared, not only truth and lies."""


def regimes(prior: OwnerPrior, generator: torch.Generator) -> Iterator[Profile]:
    """Yield one market per number of owners, the kinds of sizes and budgets taking turns."""
    kinds = itertools.cycle(itertools.product(SIZES, BUDGETS))
    for owners, (sizes, budgets) in zip([*range(1, EVERY_NUMBER_TO + 1), *LARGE], kinds, strict=False):
        drawn = replace(prior, sizes=sizes, budgets=budgets)
        yield f"{owners} owners, {sizes} sizes, {budgets} budget", *drawn.sample(1, owners, generator)
