"""What surrounds a call: threads, global seeds, gradients, how tensors lie in memory. None of it is the market's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from agents.broker.checking.calls import Call
from agents.messages import Bids
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation

THREADS: tuple[int, ...] = (1, 2, 3)


def global_seeds(call: Call, generator: torch.Generator) -> Call:
    """Under other seeds of all global generators, which are put back afterwards."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    return replace(call, around=(*call.around, lambda: _seeded(seed)))


def other_threads(call: Call, generator: torch.Generator) -> Call:
    """With another number of torch's threads."""
    others = [count for count in THREADS if count != torch.get_num_threads()]
    count = others[int(torch.randint(len(others), (1,), generator=generator))]
    return replace(call, around=(*call.around, lambda: _threads(count)))


def gradients_on(call: Call, _: torch.Generator) -> Call:
    """While torch records gradients, or while it does not if it does."""
    return replace(call, around=(*call.around, lambda: torch.set_grad_enabled(not torch.is_grad_enabled())))


def not_contiguous(call: Call, _: torch.Generator) -> Call:
    """The same numbers in every second place of larger tensors."""
    bids = Bids(
        valuation=_spread_curves(call.bids.valuation),
        privacy_budget=_spread(call.bids.privacy_budget),
        data_size=_spread(call.bids.data_size),
    )
    return replace(call, bids=bids, budget=_spread(call.budget))


def _spread(array: Tensor) -> Tensor:
    return array.repeat_interleave(2, dim=-1)[..., ::2]


def _spread_curves(curves: Valuation) -> Valuation:
    if isinstance(curves, ParametricValuation):
        return ParametricValuation(family=_spread(curves.family), factor=_spread(curves.factor))
    if isinstance(curves, TabulatedValuation):
        return TabulatedValuation(levels=curves.levels, cost=_spread(curves.cost))
    if isinstance(curves, MixedValuation):
        return MixedValuation(
            mask=_spread(curves.mask), first=_spread_curves(curves.first), second=_spread_curves(curves.second)
        )
    return curves


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
