"""What the price lists of a learned menu start from: an absolute grid of privacy losses, each at its usual price."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.prior import OwnerPrior
from agents.valuation import FAMILIES, ParametricValuation


def price_grid(prior: OwnerPrior, levels: int = 28, tiers: int = 1) -> Tensor:
    """Privacy losses ``[K]``: ``levels`` within the prior's privacy budgets, 3 below, each ``tiers`` times."""
    low, high = prior.privacy_budget
    below = low * torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    within = torch.linspace(low, high, levels if high > low else 1, dtype=torch.float64)
    return torch.cat([below, within]).repeat_interleave(tiers)


def usual_price(prior: OwnerPrior, levels: Tensor) -> Tensor:
    """Mean cost of a record ``[K]`` at ``levels[K]``, in public units."""
    family = torch.tensor([[FAMILIES.index(name) for name in prior.families]])
    factor = torch.full(family.shape, sum(prior.factor) / 2, dtype=torch.float64)
    usual = ParametricValuation(family=family, factor=factor).tabulate(levels).mean(dim=(0, 1))
    return usual / prior.units.money_per_record


def tiered_bias(levels: Tensor, tiers: int, ends: tuple[float, float]) -> Tensor:
    """Bias ``[2 K]`` of log prices and caps: the first offer of a level pays more for little, the last less for much.

    Parameters
    ----------
    levels : float64[K]
    tiers : int
        Offers per level, at least 2.
    ends : (float, float)
        Bias of the first offer's price and cap; the last one's is the opposite.
    """
    return torch.cat([torch.linspace(end, -end, tiers).repeat(len(levels) // tiers) for end in ends])
