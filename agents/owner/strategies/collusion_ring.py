"""Bidding rings: friends who bid as one and share the gain by side payments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from agents.messages import Bids
from agents.misreports.scalar import Misreport
from agents.misreports.search import expected_utility
from agents.owner.strategies.base import MarketView, RoundResult, Strategy
from agents.owner.strategies.reasoning import STAYING_AWAY, known_rule
from agents.types import OwnerTypes

SCALES = (0.8, 1.1, 1.25, 1.5, 2.0, 3.0)
"""Tried for all members, or for all but one."""


class CollusionRing(Strategy):
    """Members of one community of the network who meet in a round bid so that the ring as a whole gains most.

    The ring moves last, knows the others' bids and the rule, and compares the truth of all with: all scaling their
    valuations alike; all but one doing so; and all but one, or just one, asking so much that they stay away. If one of
    these brings the members more in sum than the truth, they do it and settle up: each gets what the truth of all would
    have brought her and an equal share of the gain. A member who meets no other tells the truth. Of one
    another rings know what their members bid in their last rounds.

    Source: Graham and Marshall, "Collusive bidder behavior at single-object second-price and English auctions", 1987;
    McAfee and McMillan, "Bidding rings", 1992 (strong cartels).

    Parameters
    ----------
    owners : int
        Size of the group.
    """

    name = "collusion-ring"
    moves_last: ClassVar[bool] = True
    needs_network: ClassVar[bool] = True
    memory: ClassVar[tuple[str, ...]] = ("_fair", "_ring")

    def __init__(self, owners: int) -> None:
        super().__init__(owners)
        self._fair = torch.zeros(owners, dtype=torch.float64)
        self._ring = torch.full((owners,), -1)

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        """Return the best plan of every ring."""
        scale = torch.ones(types.shape[1], dtype=torch.float64)
        self._ring[view.member] = -1
        for ring, members in _rings(view):
            scale[members] = self._best_plan(view, types, members)
            self._ring[view.member[members]] = ring
        one = torch.ones_like(scale)
        return Misreport(scale, one, one).tell(types)

    def groups(self, view: MarketView) -> Tensor:
        """Return the communities that met in this round."""
        return self._ring[view.member]

    def settle(self, result: RoundResult) -> Tensor:
        """Return what brings every member to her fair utility and an equal share of the ring's gain."""
        paid = torch.zeros_like(result.utility)
        ring = self._ring[result.member]
        for index in torch.unique(ring[ring >= 0]).tolist():
            members = (ring == index).nonzero()[:, 0]
            due = self._fair[result.member[members]]
            utility = result.utility[members]
            gain = utility.sum() - due.sum()
            paid[members] = torch.where(gain > 0, due + gain / len(members) - utility, 0.0)
        return paid

    def _best_plan(self, view: MarketView, types: OwnerTypes, members: Tensor) -> Tensor:
        """Scales ``float64[s]`` of the best plan of a ring of ``s``, and note what the truth of all would bring."""
        assert view.everybody is not None
        assert view.row is not None
        row, everybody = view.row[members], view.everybody
        plans = _plans(len(members))  # [P, s]
        rows = torch.zeros(len(plans), dtype=torch.int64)
        source = torch.zeros(everybody.shape[1], dtype=torch.int64).index_copy(0, row, members)  # [r]
        # One copy of the round per plan [P, r]: members' types in their rows, those of others are not used.
        wide = types.take(rows=rows, owners=source)
        scale = torch.ones(wide.shape, dtype=torch.float64).index_copy(1, row, plans)
        inside = torch.zeros(wide.shape[1], dtype=torch.bool).index_fill(0, row, True)
        bids = wide.truthful_bids()
        if "valuation" in view.public.strategic:
            bids = bids.replace(valuation=wide.valuation.scaled(scale))
        bids = bids.where(inside.expand(wide.shape), everybody.take(rows=rows))
        budget = torch.full((len(plans),), view.announcement.budget, dtype=torch.float64)
        utility = expected_utility(known_rule(self.name, view.public), wide, bids, budget)[:, row]  # [P, s]
        self._fair[view.member[members]] = utility[0]
        # The truth comes first, and the first of the best is taken.
        return plans[int(utility.sum(-1).argmax())]


def _rings(view: MarketView) -> Iterator[tuple[int, Tensor]]:
    """Rings of at least two who bid in this round, and their places in the group."""
    if view.public.network is None or view.owner is None:
        raise ValueError("strategy 'collusion-ring' is one of communities; pass PublicKnowledge(network=...)")
    community = view.public.network.community[view.owner]
    for ring in torch.unique(community).tolist():
        members = (community == ring).nonzero()[:, 0]
        if len(members) > 1:
            yield ring, members


def _plans(members: int) -> Tensor:
    """Scales ``float64[P, members]`` of the plans of a ring; the first is the truth of all."""
    one = torch.eye(members, dtype=torch.bool)
    truth, away = (torch.full((members, members), scale, dtype=torch.float64) for scale in (1.0, STAYING_AWAY))
    plans = [truth[:1]]
    for scale in SCALES:
        plans += [scale * truth[:1], torch.where(one, truth, scale * truth)]
    return torch.cat([*plans, torch.where(one, truth, away), torch.where(one, away, truth)])
