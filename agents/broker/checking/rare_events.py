"""Promises broken in one market of thousands, and in a narrow window of reports: very many small markets.

Every market is played twice, truthfully and with one liar. Reported privacy budgets are spread evenly over the whole
range, so that no window of them wider than a known width is left out; so are the factors on costs and the shares of
data sizes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.messages import Bids
from agents.prior import OwnerPrior
from agents.types import OwnerTypes

MARKETS_AT_ONCE = 2000
OWNERS: tuple[int, ...] = (2, 3, 4, 6, 8)


@dataclass(frozen=True)
class LiarMarkets:
    """Markets with one liar each.

    Parameters
    ----------
    types : OwnerTypes [B, n]
    budget : float64[B]
    deviator : int64[B]
    bids : Bids [B, n]
        The truth but for the deviators' lies.
    one_profile : bool
        All rows are the same profile, each with another liar or lie: its truth is played once.
    """

    types: OwnerTypes
    budget: Tensor
    deviator: Tensor
    bids: Bids
    one_profile: bool = False

    @property
    def profiles(self) -> Tensor:
        """Rows whose truth is different."""
        return torch.arange(1 if self.one_profile else len(self.budget))


def liar_markets(
    prior: OwnerPrior, count: int, max_owners: int | None, fields: Collection[str], generator: torch.Generator
) -> Iterator[LiarMarkets]:
    """Yield ``count`` markets with a liar each, some thousands at a time, with evenly spread reports."""
    lied = _who_lies(count, sorted(fields), generator)
    spread = {name: _evenly(told, generator) for name, told in lied.items()}
    numbers = [owners for owners in OWNERS if max_owners is None or owners <= max_owners] or [1]
    for index, start in enumerate(range(0, count, MARKETS_AT_ONCE)):
        rows = slice(start, min(start + MARKETS_AT_ONCE, count))
        types, budget = prior.sample(rows.stop - start, numbers[index % len(numbers)], generator)
        deviator = torch.randint(types.shape[1], (len(budget),), generator=generator)
        told = {name: (lied[name][rows], spread[name][rows]) for name in lied}
        yield _with_a_liar(prior.privacy_budget[1], types, budget, deviator, told, generator)


def _who_lies(count: int, fields: list[str], generator: torch.Generator) -> dict[str, Tensor]:
    """Which liars ``bool[count]`` lie about each field: two of three about one, the others about each or not."""
    first = torch.randint(max(1, len(fields)), (count,), generator=generator)
    also = (torch.rand(count, generator=generator) < 1 / 3)[:, None] & (
        torch.rand(count, len(fields), generator=generator) < 0.5
    )
    return {name: (first == index) | also[:, index] for index, name in enumerate(fields)}


def _evenly(told: Tensor, generator: torch.Generator) -> Tensor:
    """Numbers between 0 and 1 ``[count]``, those of the liars evenly spread and in random order."""
    liars = int(told.sum())
    place = torch.full(told.shape, 0.5, dtype=torch.float64)
    place[told] = (torch.randperm(liars, generator=generator).double() + 0.5) / max(1, liars)
    return place


def _with_a_liar(
    max_cap: float,
    types: OwnerTypes,
    budget: Tensor,
    deviator: Tensor,
    told: dict[str, tuple[Tensor, Tensor]],
    generator: torch.Generator,
) -> LiarMarkets:
    """Make the deviators say what they are told to; whoever is to report a privacy budget has one above it."""
    here = torch.arange(types.shape[1]) == deviator[:, None]
    nobody = torch.zeros(len(budget), dtype=torch.bool), torch.full((len(budget),), 0.5, dtype=torch.float64)
    (about_cost, cost), (about_cap, cap), (about_size, size) = (
        told.get(name, nobody) for name in ("valuation", "privacy_budget", "data_size")
    )
    report = (max_cap * cap)[:, None]
    above = report + (1.25 * max_cap - report) * torch.rand(types.shape, generator=generator, dtype=torch.float64)
    lies_about_cap = about_cap[:, None] & here
    types = replace(
        types,
        privacy_budget=torch.where(lies_about_cap & (types.privacy_budget < report), above, types.privacy_budget),
    )
    near = torch.rand(len(budget), generator=generator) < 0.6
    scale = torch.where(near, (1.4 * cost - 0.6).exp(), 10 ** (4 * cost - 2))[:, None]
    truth = types.truthful_bids()
    fewer = (types.data_size.double() * size[:, None]).floor().long()
    bids = Bids(
        valuation=truth.valuation.scaled(torch.where(about_cost[:, None] & here, scale, 1.0)),
        privacy_budget=torch.where(lies_about_cap, report, types.privacy_budget),
        data_size=torch.where(about_size[:, None] & here, fewer, truth.data_size),
    )
    return LiarMarkets(types, budget, deviator, bids)


def widest_gap(reports: Tensor, maximum: float, hits: int = 3) -> float:
    """The widest window of ``[0, maximum]`` that fewer than ``hits`` of the reports fell into."""
    ends = torch.cat([torch.zeros(1).double(), reports.sort().values, torch.tensor([maximum]).double()])
    if len(ends) <= hits:
        return maximum
    return float((ends[hits:] - ends[:-hits]).max())
