"""Profiles of owners on which rules break that look right on random ones: ties, extremes, nobody there, giants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from agents.checks import whole
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation, TabulatedValuation

Profile = tuple[str, OwnerTypes, Tensor]
"""What it is called, the owners [B, n] and the budgets [B]."""


def hard_profiles(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    """Yield named batches of ``batch`` profiles each, every one extreme in another way.

    Parameters
    ----------
    prior : OwnerPrior
        Where whatever is not extreme comes from.
    batch : int
    generator : torch.Generator
    """
    whole("batch", batch, minimum=1)
    for owners in (1, 2, 25):
        yield (f"{owners} owner{'s' if owners > 1 else ''}", *prior.sample(batch, owners, generator))
    yield from _budgets(prior, batch, generator)
    yield from _ties(prior, batch, generator)
    yield from _sizes(prior, batch, generator)
    yield from _caps(prior, batch, generator)
    yield from _valuations(prior, batch, generator)
    yield from _ends_of_float64(prior, batch, generator)


def _budgets(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    for name, factor in (("no budget", 0.0), ("tiny budget", 1e-9), ("budget for everything", 10.0)):
        types, _ = prior.sample(batch, 5, generator)
        yield name, types, factor * types.cost_at_own_budget().sum(-1)


def _ties(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    types, _ = prior.sample(batch, 1, generator)
    same = types.take(owners=torch.zeros(6, dtype=torch.int64))
    yield "equal owners", same, prior.budget(same, generator)
    sizes, _ = prior.sample(batch, 6, generator)
    scaled = replace(same, data_size=sizes.data_size)
    yield "equal but for size", scaled, prior.budget(scaled, generator)
    yield "small whole numbers", *_small_numbers(batch, 4, generator)


def _small_numbers(batch: int, owners: int, generator: torch.Generator) -> tuple[OwnerTypes, Tensor]:
    """Owners whose sizes, costs and budgets are small integers, so that exact ties abound."""
    shape = (batch, owners)
    factor = torch.randint(1, 5, shape, generator=generator).double() / 2
    types = OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros(shape, dtype=torch.int64), factor=factor),
        privacy_budget=torch.randint(1, 3, shape, generator=generator).double(),
        data_size=torch.randint(1, 5, shape, generator=generator),
    )
    return types, torch.randint(1, 30, (batch,), generator=generator).double()


def _sizes(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    types, _ = prior.sample(batch, 8, generator)
    some = torch.where(torch.rand(types.shape, generator=generator) < 0.5, 0, types.data_size)
    absent = replace(types, data_size=some)
    yield "absent owners", absent, prior.budget(types, generator)
    yield "nobody there", replace(types, data_size=torch.zeros_like(some)), prior.budget(types, generator)
    huge = torch.randint(1, 10**9, types.shape, generator=generator)
    yield "huge data sizes", *_with(prior, replace(types, data_size=huge), generator)
    giant = torch.ones_like(some)
    giant[:, 0] = 10**9
    yield "one giant", *_with(prior, replace(types, data_size=giant), generator)
    few, _ = prior.sample(batch, 3, generator)
    share = torch.rand(batch, generator=generator, dtype=torch.float64)
    yield "money for about one", few, (0.5 + share) * few.cost_at_own_budget().amax(dim=-1)


def _caps(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    types, _ = prior.sample(batch, 6, generator)
    draw = torch.rand(types.shape, generator=generator, dtype=torch.float64)
    tiny = torch.where(draw < 0.2, 0.0, 1e-2 * draw)
    mixed = torch.where(torch.rand(types.shape, generator=generator) < 0.5, tiny, types.privacy_budget)
    yield "tiny privacy budgets", *_with(prior, replace(types, privacy_budget=tiny), generator)
    yield "some tiny privacy budgets", *_with(prior, replace(types, privacy_budget=mixed), generator)
    yield "wide privacy budgets", *_with(prior, replace(types, privacy_budget=8 * draw), generator)


def _valuations(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    types, _ = prior.sample(batch, 6, generator)
    free = types.valuation.scaled((torch.rand(types.shape, generator=generator) < 0.5).double())
    yield "free owners", replace(types, valuation=free), prior.budget(types, generator)
    spread = (4 * torch.randn(types.shape, generator=generator, dtype=torch.float64)).exp()
    apart = replace(types, valuation=types.valuation.scaled(spread))
    yield "costs far apart", apart, prior.budget(types, generator)
    levels = torch.tensor([0.1, 0.4, 0.9, 1.7], dtype=torch.float64)  # beyond the last nothing is for sale
    rises = (2 * torch.randn(*types.shape, 4, generator=generator, dtype=torch.float64)).exp()
    table = replace(types, valuation=TabulatedValuation(levels=levels, cost=rises.cumsum(dim=-1)))
    yield "tabulated valuations", table, prior.budget(types, generator)


def _ends_of_float64(prior: OwnerPrior, batch: int, generator: torch.Generator) -> Iterator[Profile]:
    types, budget = prior.sample(batch, 4, generator)
    ends = torch.tensor([5e-324, 1e-300, 1e-130, 1e130, 1e300], dtype=torch.float64)
    yield "budgets next to nothing and next to infinity", types, ends[torch.arange(batch) % len(ends)]
    # Here the steepest curves leave float64, and a factor of 0 times infinity would be no number.
    caps = torch.tensor([1.0, 20.0, 800.0, 1e200, 1e300], dtype=torch.float64)
    cap = caps[torch.randint(len(caps), types.shape, generator=generator)]
    some = (torch.rand(types.shape, generator=generator) < 0.5).double()
    boundless = replace(types, privacy_budget=cap, valuation=types.valuation.scaled(some))
    yield "boundless privacy budgets, some free", boundless, budget


def _with(prior: OwnerPrior, types: OwnerTypes, generator: torch.Generator) -> tuple[OwnerTypes, Tensor]:
    return types, prior.budget(types, generator)
