"""What owners who move last know of one another: what each published last, or what the prior says of anybody."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.messages import Bids
from agents.prior import OwnerPrior
from agents.saved_state import State
from agents.types import OwnerTypes
from agents.valuation import MixedValuation, ParametricValuation, TabulatedValuation, Valuation


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

    def state(self) -> State:
        """The latest bids, those with valuations of the paper's families in one array."""
        known = list(self._latest.items())
        plain = [(owner, bids) for owner, bids in known if isinstance(bids.valuation, ParametricValuation)]
        others = [(owner, bids) for owner, bids in known if not isinstance(bids.valuation, ParametricValuation)]
        batches = [(torch.tensor([owner]), bids) for owner, bids in others]
        if plain:
            batches.append((torch.tensor([owner for owner, _ in plain]), _joined([bids for _, bids in plain])))
        return {"batches": [{"owners": owners, **_bids_state(bids)} for owners, bids in batches]}

    def load_state(self, state: State) -> None:
        """Take up what ``state`` returned."""
        self._latest = {}
        for batch in state["batches"]:
            self.publish(batch["owners"], _bids_of(batch))

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


def _joined(bids: list[Bids]) -> Bids:
    """Bids ``[1, 1]`` of the paper's families, side by side."""
    curves = [each.valuation for each in bids]
    return Bids(
        valuation=ParametricValuation(
            family=torch.cat([curve.family for curve in curves if isinstance(curve, ParametricValuation)], dim=1),
            factor=torch.cat([curve.factor for curve in curves if isinstance(curve, ParametricValuation)], dim=1),
        ),
        privacy_budget=torch.cat([each.privacy_budget for each in bids], dim=1),
        data_size=torch.cat([each.data_size for each in bids], dim=1),
    )


def _bids_state(bids: Bids) -> State:
    curves = _curves_state(bids.valuation)
    return {"curves": curves, "privacy_budget": bids.privacy_budget, "data_size": bids.data_size}


def _bids_of(state: State) -> Bids:
    return Bids(_curves_of(state["curves"]), state["privacy_budget"], state["data_size"])


def _curves_state(valuation: Valuation) -> State:
    if isinstance(valuation, ParametricValuation):
        return {"family": valuation.family, "factor": valuation.factor}
    if isinstance(valuation, TabulatedValuation):
        return {"levels": valuation.levels, "cost": valuation.cost}
    if isinstance(valuation, MixedValuation):
        first, second = _curves_state(valuation.first), _curves_state(valuation.second)
        return {"mask": valuation.mask, "first": first, "second": second}
    raise TypeError(f"valuations of {type(valuation).__name__} cannot be saved: bid a table or one of the families")


def _curves_of(state: State) -> Valuation:
    if "family" in state:
        return ParametricValuation(family=state["family"], factor=state["factor"])
    if "levels" in state:
        return TabulatedValuation(levels=state["levels"], cost=state["cost"])
    return MixedValuation(mask=state["mask"], first=_curves_of(state["first"]), second=_curves_of(state["second"]))
