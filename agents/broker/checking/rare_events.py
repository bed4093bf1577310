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
    """

    types: OwnerTypes
    budget: Tensor
    deviator: Tensor
    bids: Bids


def liar_markets(
    prior: OwnerPrior, count: int, max_owners: int | None, fields: Collection[str], generator: torch.Generator
) -> Iterator[LiarMarkets]:
    """Yield ``count`` markets with a liar each, some thousands at a time, with evenly spread reports."""
    spread = {name: torch.randperm(count, generator=generator).double() for name in ("cap", "scale", "size")}
    done = 0
    numbers = [owners for owners in OWNERS if max_owners is None or owners <= max_owners]
    while done < count:
        batch = min(MARKETS_AT_ONCE, count - done)
        owners = (numbers or [1])[(done // MARKETS_AT_ONCE) % max(1, len(numbers))]
        types, budget = prior.sample(batch, owners, generator)
        place = {name: (order[done : done + batch] + 0.5) / count for name, order in spread.items()}
        yield _with_a_liar(prior, types, budget, place, fields, generator)
        done += batch


def _with_a_liar(
    prior: OwnerPrior,
    types: OwnerTypes,
    budget: Tensor,
    place: dict[str, Tensor],
    fields: Collection[str],
    generator: torch.Generator,
) -> LiarMarkets:
    """One liar per market; whoever is to report a privacy budget has one above it."""
    batch, owners = types.shape
    deviator = torch.randint(owners, (batch,), generator=generator)
    here = torch.arange(owners) == deviator[:, None]
    chosen = sorted(fields)
    # Two of three liars lie about one field only, the others about each with probability one half.
    first = torch.randint(max(1, len(chosen)), (batch,), generator=generator)
    also = (torch.rand(batch, generator=generator) < 1 / 3)[:, None] & (
        torch.rand(batch, len(chosen), generator=generator) < 0.5
    )
    lied = {name: ((first == index) | also[:, index])[:, None] & here for index, name in enumerate(chosen)}
    nowhere = torch.zeros_like(here)
    report = (prior.privacy_budget[1] * place["cap"])[:, None].expand(-1, owners)
    draw = torch.rand(batch, owners, generator=generator, dtype=torch.float64)
    above = report + (prior.privacy_budget[1] * 1.25 - report) * draw
    lies_about_cap = lied.get("privacy_budget", nowhere)
    cap = torch.where(lies_about_cap & (types.privacy_budget < report), above, types.privacy_budget)
    types = replace(types, privacy_budget=cap)
    near = torch.rand(batch, generator=generator) < 0.6
    scale = torch.where(near, (1.4 * place["scale"] - 0.6).exp(), 10 ** (4 * place["scale"] - 2))[:, None]
    size = (types.data_size.double() * place["size"][:, None]).floor().long()
    truth = types.truthful_bids()
    bids = Bids(
        valuation=truth.valuation.scaled(torch.where(lied.get("valuation", nowhere), scale, 1.0)),
        privacy_budget=torch.where(lies_about_cap, report, cap),
        data_size=torch.where(lied.get("data_size", nowhere), size, truth.data_size),
    )
    return LiarMarkets(types, budget, deviator, bids)


def widest_gap(reports: Tensor, maximum: float, hits: int = 3) -> float:
    """The widest window of ``[0, maximum]`` that fewer than ``hits`` of the reports fell into."""
    ends = torch.cat([torch.zeros(1).double(), reports.sort().values, torch.tensor([maximum]).double()])
    if len(ends) <= hits:
        return maximum
    return float((ends[hits:] - ends[:-hits]).max())
