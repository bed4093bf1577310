"""Misreports in the form of the truth: a parametric curve stays one, so that they look like what owners really bid.

``draw_misreports`` tells every lie as a mixture of curves; a rule may treat that form of bids unlike others.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from agents.messages import BID_FIELDS, Bids

TELLING_SHARES: tuple[float, ...] = (0.5, 0.8, 0.9, 0.99)


def plain_misreports(truth: Bids, generator: torch.Generator, *, fields: Collection[str] = BID_FIELDS) -> Bids:
    """One misreport for every owner: costs scaled, privacy budget and data size understated, each field or not.

    Half of the costs are overstated by up to 30 %, what pays where an auction pays what is asked; the others are
    scaled by anything between a tenth and ten. Whoever would lie about nothing lies about one field.

    Parameters
    ----------
    truth : Bids [B, n]
    generator : torch.Generator
    fields : collection of str
        Fields lied about.
    """
    shape = truth.shape
    chosen = sorted(fields)
    draw = torch.rand(6, *shape, generator=generator, dtype=torch.float64)
    lied = torch.rand(len(BID_FIELDS), *shape, generator=generator) < 0.5
    lied[int(torch.randint(len(chosen), (1,), generator=generator))] |= ~lied[: len(chosen)].any(0)
    told = dict(zip(chosen, lied, strict=False))
    nothing = torch.zeros(shape, dtype=torch.bool)
    scale = torch.where(draw[0] < 0.5, 1 + 0.3 * draw[1], 10 ** (2 * draw[2] - 1))
    share = [_share(draw[3], generator), _share(draw[4], generator)]
    size = (truth.data_size.double() * share[1]).floor().long()
    size = torch.where(draw[5] < 0.2, truth.data_size - 1, size).clamp(min=0)
    return Bids(
        valuation=truth.valuation.scaled(torch.where(told.get("valuation", nothing), scale, 1.0)),
        privacy_budget=truth.privacy_budget * torch.where(told.get("privacy_budget", nothing), share[0], 1.0),
        data_size=torch.where(told.get("data_size", nothing), size, truth.data_size),
    )


def _share(draw: Tensor, generator: torch.Generator) -> Tensor:
    """Shares of the truth: round ones, and any."""
    lattice = torch.tensor(TELLING_SHARES, dtype=torch.float64)
    round_ones = lattice[torch.randint(len(lattice), draw.shape, generator=generator)]
    return torch.where(torch.rand(draw.shape, generator=generator) < 0.5, round_ones, draw)
