"""The same curves in another form: as tables, or as a mixture of kinds.

A table agrees with a parametric curve to the last bit only where it has a level. So the auction is asked once with
curves that note where they are looked at, and the tables have these levels: its own ones, and with more in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from agents.broker.checking.calls import Call, answer
from agents.broker.checking.guarded import FailedCallError, GuardedAuction
from agents.valuation import MixedValuation, TabulatedValuation, Valuation

MAX_TABLE = 300_000
"""Numbers in one table; markets that would need larger ones are not asked in this form."""


@dataclass(frozen=True)
class NotingValuation:
    """Curves that note the privacy losses that they are looked at."""

    curves: Valuation
    seen: list[Tensor] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """Batch and owners."""
        return self.curves.shape

    def at(self, privacy_loss: Tensor) -> Tensor:
        """The curves' own values, noted."""
        self.seen.append(privacy_loss)
        return self.curves.at(privacy_loss)

    def tabulate(self, levels: Tensor) -> Tensor:
        """The curves' own values, noted."""
        self.seen.append(levels)
        return self.curves.tabulate(levels)

    def take(self, rows: Any, owners: Any) -> NotingValuation:
        """Some of the curves, noting in the same place."""
        return NotingValuation(self.curves.take(rows, owners), self.seen)

    def scaled(self, by: Tensor) -> NotingValuation:
        """Scaled curves, noting in the same place."""
        return NotingValuation(self.curves.scaled(by), self.seen)

    def where(self, mask: Tensor, other: Valuation) -> NotingValuation:
        """Curves here or there, noting in the same place."""
        curves = other.curves if isinstance(other, NotingValuation) else other
        return NotingValuation(self.curves.where(mask, curves), self.seen)

    def levels(self) -> Tensor:
        """Every positive finite privacy loss that was looked at, rising ``[K]``."""
        seen = torch.cat([losses.detach().reshape(-1) for losses in self.seen] or [torch.zeros(0)]).double()
        levels: Tensor = seen[(seen > 0) & torch.isfinite(seen)].unique()  # type: ignore[no-untyped-call]
        return levels


def as_table(guard: GuardedAuction) -> Callable[[Call, torch.Generator], Call]:
    """Tables at the levels that the auction looks at, and at the owners' own privacy budgets."""
    return lambda call, _: _tabulated(call, _levels(guard, call))


def as_other_table(guard: GuardedAuction) -> Callable[[Call, torch.Generator], Call]:
    """Tables that have further levels besides."""

    def change(call: Call, generator: torch.Generator) -> Call:
        levels = _levels(guard, call)
        if levels is None:
            return call
        more = float(levels[-1]) * torch.rand(13, generator=generator, dtype=torch.float64)
        return _tabulated(call, torch.cat([levels, more[more > 0]]).unique())  # type: ignore[no-untyped-call]

    return change


def as_mixture(call: Call, generator: torch.Generator) -> Call:
    """Every curve as it is, but a random half of them as the second kind of a mixture."""
    curves, half = call.bids.valuation, torch.rand(call.bids.shape, generator=generator) < 0.5
    if isinstance(curves, MixedValuation):
        return call
    return replace(call, bids=call.bids.replace(valuation=MixedValuation(mask=half, first=curves, second=curves)))


def _levels(guard: GuardedAuction, call: Call) -> Tensor | None:
    """Where the auction looks at the curves, or None where that cannot be found out or is too much."""
    noting = NotingValuation(call.bids.valuation)
    try:
        answer(guard.unbooked(), replace(call, bids=call.bids.replace(valuation=noting)))
    except FailedCallError:
        return None
    levels = torch.cat([noting.levels(), call.bids.privacy_budget.reshape(-1)])
    levels = levels[levels > 0].unique()  # type: ignore[no-untyped-call]
    return levels if 0 < len(levels) * call.bids.privacy_budget.numel() <= MAX_TABLE else None


def _tabulated(call: Call, levels: Tensor | None) -> Call:
    if levels is None:
        return call
    cost = call.bids.valuation.tabulate(levels)
    if not bool(torch.isfinite(cost).all()) or bool((cost.diff(dim=-1) < 0).any()):
        return call  # such curves are no tables: a mechanism may not be blamed for their being others
    return replace(call, bids=call.bids.replace(valuation=TabulatedValuation(levels=levels, cost=cost)))
