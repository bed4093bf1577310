"""One attack on a batch of markets: lies go in, gains come out, and everything is counted."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.messages import Bids
from agents.misreports.generators import as_misreports
from agents.misreports.search import Counterfactuals, per_cost
from agents.valuation import MixedValuation
from analysis.incentives.case import Case
from analysis.incentives.chunk_result import Curve


class OutOfQueriesError(RuntimeError):
    """An attacker asked for more than its share of the query budget."""


class Attack:
    """The owners of a batch of markets, each misreporting alone; attackers ask what their lies would gain.

    Parameters
    ----------
    case : Case
        Lies that its threat model does not admit are refused.
    chosen : bool[B, n], optional
        Owners who lie; by default everybody present.

    Attributes
    ----------
    case, auction, types, budget, threat
        The case, and what it holds.
    truth : Bids [B, n]
        What the owners would truthfully say.
    left : int
        Queries that the attacker at work may still make.
    gain : float64[B, n]
        Most money gained so far, minus infinity before the first query.
    misreports : Bids [B, n]
        The lies that gained it, in the form of ``agents.misreports.generators``.
    found_by : int64[B, n]
        Index into ``names`` of the attacker who found it first.
    queries : int64[B, n]
        Lies evaluated per owner.
    curves : dict of Curve
        By attacker.
    """

    def __init__(self, case: Case, *, chosen: Tensor | None = None) -> None:
        self.case, types = case, case.types
        self.auction, self.types, self.budget, self.threat = case.auction, types, case.budget, case.threat
        self.truth = types.truthful_bids()
        self.chosen = self.truth.present if chosen is None else self.truth.present & chosen
        self.counterfactuals = Counterfactuals(case.auction, types, case.budget, rerun=case.rerun)
        self.names: list[str] = []
        self.gain = torch.full(types.shape, -torch.inf, dtype=torch.float64)
        self.misreports = as_misreports(self.truth)
        self.found_by = torch.full(types.shape, -1, dtype=torch.int64)
        self.queries = torch.zeros(types.shape, dtype=torch.int64)
        self.curves: dict[str, Curve] = {}
        self.left = 0
        self._own = torch.zeros(types.shape, dtype=torch.float64)

    def begin(self, name: str, queries: int) -> None:
        """Give the next ``queries`` lies about every owner to the attacker ``name``."""
        self.names.append(name)
        self.curves[name] = Curve(owners=int(self.chosen.sum()))
        self.left = queries
        self._own = torch.zeros_like(self._own)

    def query(self, misreports: Bids, asked: Tensor | None = None) -> Tensor:
        """What every chosen owner gains ``[B, n]`` by telling her lie alone; 0 for the others.

        Parameters
        ----------
        misreports : Bids [B, n]
        asked : bool[B, n], optional
            Whose lies are meant, if not those of all chosen owners.

        Raises
        ------
        OutOfQueriesError
            If the share of the query budget is used up.
        ValueError
            If the threat model does not admit the lies, or a gain is not a number.
        """
        if self.left < 1:
            raise OutOfQueriesError(f"{self.names[-1]} has used up its queries; look at `left` before asking")
        self.threat.require(self.truth, misreports)
        who = self.chosen if asked is None else self.chosen & asked
        found = self.counterfactuals.gains(misreports, who)
        require_numbers(found)
        self.left -= 1
        self.queries += who
        self._book(misreports, found, who)
        return found

    def _book(self, misreports: Bids, found: Tensor, who: Tensor) -> None:
        better = who & (found > self.gain)
        # Lies that do equally well are kept too: a climb has to walk along the plateaus where nothing changes.
        moved = who & (found >= self.gain)
        if bool(moved.any()):
            self.misreports = in_form(self.truth, misreports).where(moved, self.misreports)
        self.gain = torch.where(better, found, self.gain)
        self.found_by = torch.where(better, len(self.names) - 1, self.found_by)
        self._own = torch.where(who, torch.maximum(self._own, found), self._own)
        curve = self.curves[self.names[-1]]
        own, together = (per_cost(self.types, gain.clamp(min=0)) for gain in (self._own, self.gain))
        curve.infinite = int((together.isinf() & self.chosen).sum())
        for sums, share in ((curve.own, own), (curve.together, together)):
            sums.append(float(torch.where(share.isinf() | ~self.chosen, 0.0, share).sum()))


def require_numbers(gain: Tensor) -> None:
    """Refuse gains ``[B, n]`` that are not numbers, naming the first place."""
    if bool(gain.isnan().any()):
        row, owner = (int(place) for place in gain.isnan().nonzero()[0])
        raise ValueError(f"the gain of owner {owner} in profile {row} is not a number: what was paid or sold is not")


def in_form(truth: Bids, misreports: Bids) -> Bids:
    """``misreports`` in the form that all lies about ``truth`` have, so that they mix without nesting."""
    if isinstance(misreports.valuation, MixedValuation):
        return misreports
    form = as_misreports(truth).valuation
    assert isinstance(form, MixedValuation)
    return misreports.replace(valuation=MixedValuation(mask=form.mask, first=misreports.valuation, second=form.second))
