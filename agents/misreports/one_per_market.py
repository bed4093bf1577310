"""Lies for the inner search of training: one random lie of one owner per market, of all kinds that pay in practice."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.messages import Bids
from agents.types import OwnerTypes
from agents.valuation import FAMILIES, ParametricValuation


def one_misreport_per_market(types: OwnerTypes, deviator: Tensor, generator: torch.Generator) -> Bids:
    """Truthful bids but for one owner per market, who lies about some of valuation, privacy budget and data size.

    Costs are scaled by up to a factor of 1.8 either way or swapped for those of another family, equal at her privacy
    budget; privacy budget and size are understated a little or by any amount. Half of them lie about the size alone.

    Parameters
    ----------
    types : OwnerTypes [B, n]
        With parametric valuations.
    deviator : int64[B]
    generator : torch.Generator
    """
    valuation = types.valuation
    if not isinstance(valuation, ParametricValuation):
        raise TypeError(f"types.valuation is a {type(valuation).__name__}: pass types with parametric valuations")
    rows = torch.arange(len(deviator))
    own_cap, own_size = types.privacy_budget[rows, deviator], types.data_size[rows, deviator]

    def draw() -> Tensor:
        return torch.rand(len(deviator), generator=generator, dtype=torch.float64)

    def understated(minimum: Tensor) -> Tensor:
        """A share of the truth: a little less, or anything down to ``minimum``, log-uniformly."""
        return torch.where(draw() < 0.6, (draw() * minimum.log()).exp(), 1 - 0.25 * draw())

    only_size = draw() < 0.5
    scale = torch.where(~only_size & (draw() < 0.5), (0.6 * (2 * draw() - 1)).exp(), 1.0)
    cap_share = torch.where(~only_size & (draw() < 0.5), understated(torch.full_like(own_cap, 0.1)), 1.0)
    size_share = understated(1 / own_size.double().clamp(min=1))
    size_share = torch.where(only_size | (draw() < 0.5), size_share, 1.0)
    other = torch.randint(len(FAMILIES), (len(deviator),), generator=generator)
    unit = ParametricValuation(family=other[:, None], factor=torch.ones(len(deviator), 1, dtype=torch.float64))
    swapped = ~only_size & (draw() < 0.3)
    same_cost = valuation.at(types.privacy_budget)[rows, deviator] / unit.at(own_cap[:, None])[:, 0]
    family, factor = valuation.family.clone(), valuation.factor.clone()
    factor[rows, deviator] = torch.where(swapped, same_cost, factor[rows, deviator]) * scale
    family[rows, deviator] = torch.where(swapped, other, family[rows, deviator])
    cap, size = types.privacy_budget.clone(), types.data_size.clone()
    cap[rows, deviator] = own_cap * cap_share
    size[rows, deviator] = (own_size.double() * size_share).floor().long()
    return Bids(valuation=ParametricValuation(family=family, factor=factor), privacy_budget=cap, data_size=size)
