"""Best response: knowing all bids and the rule, the lie that pays most."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from agents.checks import number
from agents.messages import Bids
from agents.misreports.scalar import Misreport
from agents.owner.strategies.base import MarketView, Strategy
from agents.owner.strategies.reasoning import utilities
from agents.types import OwnerTypes

SCALES = (1.0, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
SHARES = (1.0, 0.5)
"""Of the privacy budget and of the records."""
FINER = (0.8, 0.87, 0.93, 0.97, 1.03, 1.07, 1.12, 1.18)
"""Multiples of the best scale that are tried next."""


class BestResponse(Strategy):
    """Moves last, knows the others' bids and tells the lie that pays most; the truth where no lie pays more.

    Tries a lattice of scalar misreports (scale of the valuation, share of the privacy budget, share of the records),
    then finer scales around the best; of others who move last she knows what they bid in their last rounds. So it
    finds a best response among these misreports, not among all, for about seventy runs of the rule per owner and round.

    Source: Cournot's best reply (1838); as a way of auditing mechanisms, Lubin and Parkes, "Approximate
    strategyproofness", 2012.

    Parameters
    ----------
    owners : int
        Size of the group.
    margin : float
        Gain over her cost of all she has below which she does not bother to lie.
    """

    name = "best-response"
    moves_last: ClassVar[bool] = True

    def __init__(self, owners: int, *, margin: float = 0.0) -> None:
        super().__init__(owners)
        self.margin = number("margin", margin)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the most profitable of the lies tried."""
        lattice = misreports_within(view.public.strategic)
        shape = (len(lattice), types.shape[1])
        best, truth, maximum = self._best(view, types, lattice[torch.arange(shape[0])[:, None].expand(shape)])
        if "valuation" in view.public.strategic:
            scale = best.scale * torch.tensor((1.0, *FINER), dtype=torch.float64)[:, None]
            finer = Misreport(scale, best.privacy_share.expand(scale.shape), best.size_share.expand(scale.shape))
            best, _, maximum = self._best(view, types, finer)
        pays = maximum - truth > self.margin * types.cost_at_own_budget()[0]
        return Misreport(
            torch.where(pays, best.scale, 1.0),
            torch.where(pays, best.privacy_share, 1.0),
            torch.where(pays, best.size_share, 1.0),
        ).tell(types)

    def _best(self, view: MarketView, types: OwnerTypes, misreports: Misreport) -> tuple[Misreport, Tensor, Tensor]:
        """The best of ``misreports[K, m]``, first of equals, and utilities ``[m]`` of the first lie and of the best."""
        bids, row = view.everybody, view.row
        if bids is None or row is None:
            bids, row = types.truthful_bids(), torch.arange(types.shape[1])
        utility = utilities(view.public, bids, row, types, misreports, view.announcement.budget, self.name)[0]
        maximum, index = first_largest(utility)
        picked = (index, torch.arange(types.shape[1]))
        return (
            Misreport(misreports.scale[picked], misreports.privacy_share[picked], misreports.size_share[picked]),
            utility[0],
            maximum,
        )


def misreports_within(strategic: frozenset[str]) -> Misreport:
    """The lattice of lies ``[K]`` in the fields that are not verified, the truth first."""
    return Misreport.of(
        *(
            (scale, privacy, size)
            for size in (SHARES if "data_size" in strategic else (1.0,))
            for privacy in (SHARES if "privacy_budget" in strategic else (1.0,))
            for scale in (SCALES if "valuation" in strategic else (1.0,))
        )
    )


def first_largest(values: Tensor) -> tuple[Tensor, Tensor]:
    """Maxima ``[m]`` of ``values[K, m]`` and the first index where each is reached."""
    maximum = values.amax(0)
    return maximum, (values == maximum).double().argmax(0)
