"""What a call leaves as it was: bids, budget, the generator where no odds are declared, and all global generators."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor

from agents.broker.checking.guarded import GuardedAuction, fresh_generator
from agents.broker.checking.results import CONTRACT, CheckResult
from agents.messages import Bids
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation


class Untouched:
    """Two results: bids and budget are not written into, and no generator is moved but by declared lotteries."""

    def __init__(self, guard: GuardedAuction) -> None:
        self._guard = guard
        self.arrays = CheckResult("bids and budget left unchanged", CONTRACT)
        self.generators = CheckResult("generator moved only by a lottery", CONTRACT)

    def results(self) -> list[CheckResult]:
        """Both rows."""
        return [self.arrays, self.generators]

    def examine(self, label: str, bids: Bids, budget: Tensor) -> None:
        """Run the auction once and compare everything with what it was before."""
        arrays = [bids.privacy_budget, bids.data_size, budget, *_numbers(bids.valuation)]
        before = [array.clone() for array in arrays]
        generator = fresh_generator()
        states = generator.get_state(), _global_states()
        self._guard.ask(self._guard.auction, bids, budget, generator)
        written = sum(int((one != other).sum()) for one, other in zip(before, arrays, strict=True))
        self.arrays.add(float(written), written == 0, label, 1)
        moved = not self._guard.declares_odds and not torch.equal(states[0], generator.get_state())
        everywhere = _global_states() != states[1]
        told = "the generator" if moved else "a global generator"
        self.generators.add(float(moved + everywhere), not (moved or everywhere), f"{label}: {told}", 1)


def _global_states() -> tuple[bytes, bytes, int, int]:
    _, numbers, place, *_ = np.random.get_state()
    return torch.get_rng_state().numpy().tobytes(), np.asarray(numbers).tobytes(), int(place), hash(random.getstate())


def _numbers(curves: Valuation) -> list[Tensor]:
    if isinstance(curves, ParametricValuation):
        return [curves.family, curves.factor]
    if isinstance(curves, TabulatedValuation):
        return [curves.levels, curves.cost]
    if isinstance(curves, MixedValuation):
        return [curves.mask, *_numbers(curves.first), *_numbers(curves.second)]
    return []
