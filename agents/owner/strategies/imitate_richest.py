"""Copying the acquaintance who does best."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.owner.strategies.base import Neighbours
from agents.owner.strategies.imitation import Imitator


class ImitateRichest(Imitator):
    """Tells the lie of the acquaintance with the highest published payoff, if it is higher than her own.

    Source: Nowak and May, "Evolutionary games and spatial chaos", 1992 ("imitate the best").

    Parameters
    ----------
    owners, truth, mutation
        See ``imitation.Imitator``.
    """

    name = "imitate-richest"

    def misreport_to_copy(self, neighbours: Neighbours, copies: Tensor, whom: Tensor) -> Tensor:
        """Return the lie of whoever does best, and better than oneself."""
        if not neighbours.misreport.shape[1]:
            return torch.full(whom.shape, -1)
        known = (neighbours.misreport >= 0) & ~torch.isnan(neighbours.payoff)
        payoff = torch.where(known, neighbours.payoff, -torch.inf)
        maximum, at = payoff.max(-1)
        richer = maximum > torch.where(torch.isnan(neighbours.own), -torch.inf, neighbours.own)
        return torch.where(richer, neighbours.misreport.gather(1, at[:, None])[:, 0], -1)
