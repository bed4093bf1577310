"""What owners who move last know of one another: what each published last, or what the prior says of anybody."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.messages import Bids
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


class PublishedBids:
    """The latest bid of every owner who moves last; bids are public once their round is over.

    Parameters
    ----------
    prior : OwnerPrior, optional
        What is known of whoever has not bid yet; without one she is taken to be absent.
    """

    def __init__(self, prior: OwnerPrior | None) -> None:
        self._prior = prior
        self._latest: dict[int, Bids] = {}

    def publish(self, owners: Tensor, bids: Bids) -> None:
        """Take note of the bids ``[1, m]`` of ``owners[m]``."""
        for place, owner in enumerate(owners.tolist()):
            self._latest[owner] = bids.take(owners=slice(place, place + 1))

    def of(self, owners: Tensor, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """What others may believe of ``owners[m]``: bids ``[1, m]`` in which nothing depends on who they really are.

        Parameters
        ----------
        owners : int64[m]
        types : OwnerTypes [1, m]
            Gives the form of the bids where there is no prior, and nothing else.
        generator : torch.Generator
            Draws an owner of the prior for everybody, whoever has bid before.
        """
        if self._prior is None:
            bids = types.truthful_bids().replace(
                valuation=types.valuation.scaled(torch.zeros(types.shape, dtype=torch.float64)),
                privacy_budget=torch.zeros_like(types.privacy_budget),
                data_size=torch.zeros_like(types.data_size),
            )
        else:
            bids = self._prior.sample(1, len(owners), generator)[0].truthful_bids()
        known = [(place, self._latest[owner]) for place, owner in enumerate(owners.tolist()) if owner in self._latest]
        # Families first and tables after them: so mixing different kinds of curves does not nest them in one another.
        for place, latest in sorted(known, key=lambda each: not isinstance(each[1].valuation, ParametricValuation)):
            here = torch.arange(len(owners))[None] == place  # [1, m]
            bids = latest.take(owners=torch.zeros(len(owners), dtype=torch.int64)).where(here, bids)
        return bids
