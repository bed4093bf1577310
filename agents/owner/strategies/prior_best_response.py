"""Best response to the prior: the lie that pays most on average against owners whom one does not know."""

from __future__ import annotations

import torch

from agents.checks import whole
from agents.messages import Bids
from agents.misreports.scalar import Misreport
from agents.owner.strategies.base import MarketView, Strategy
from agents.owner.strategies.best_response import first_largest
from agents.owner.strategies.reasoning import utilities
from agents.types import OwnerTypes

MISREPORTS = Misreport.of(
    *((scale, 1.0, 1.0) for scale in (1.0, 0.8, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)),
    *((scale, 0.5, 1.0) for scale in (1.0, 1.5)),
    *((scale, 1.0, 0.5) for scale in (1.0, 1.5)),
)
"""Misreports that are compared, the truth first."""
ONE_EACH = torch.arange(len(MISREPORTS))[:, None]


class PriorBestResponse(Strategy):
    """Tells the lie that pays most on average against truthful others drawn from the prior, at the budget announced.

    All she knows is the rule, the prior, her own type and how many bid: her bid is a best response, among
    ``MISREPORTS``, in the Bayesian game against truth. It is an average over ``profiles`` draws, common to all
    misreports, so that where none pays against anybody the truth is kept exactly.

    Source: Harsanyi, "Games with incomplete information played by Bayesian players", 1967.

    Parameters
    ----------
    owners : int
        Size of the group.
    profiles : int
        Draws of the others.
    """

    name = "prior-best-response"

    def __init__(self, owners: int, *, profiles: int = 16) -> None:
        super().__init__(owners)
        self.profiles = whole("profiles", profiles, minimum=1)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the lie with the largest mean utility."""
        if view.public.prior is None:
            raise ValueError(f"strategy {self.name!r} reasons about the prior; pass PublicKnowledge(prior=...)")
        others, _ = view.public.prior.sample(self.profiles, max(1, view.bidders), generator)
        bids, budget = others.truthful_bids(), view.announcement.budget
        utility = utilities(view.public, bids, view.place, types, MISREPORTS[ONE_EACH], budget, self.name)
        gain = utility - utility[:, :1]
        return MISREPORTS[first_largest(gain.mean(0))[1]].tell(types)
