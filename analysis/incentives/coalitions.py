"""Sybil and pair attacks: an owner who splits her records between two identities, and two owners who collude.

No mechanism of this project claims that this does not pay. It is audited apart, by a search over pairs of lies, and
every pair of lies is another run of the auction.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from agents.messages import Bids
from agents.misreports.generators import as_misreports, draw_misreport, field_subsets, nearby_misreports
from agents.surplus import pays
from agents.types import OwnerTypes
from analysis.incentives.case import Case
from analysis.incentives.chunk_result import ChunkResult, Curve, Failure
from analysis.incentives.expectation import expected_outcome
from analysis.incentives.query_ledger import require_numbers
from analysis.incentives.storage import storable
from analysis.incentives.threat_model import PAIR, SPLIT, ThreatModel

PAIRS = "pairs of lies"
"""What the search is called beside the attackers of single owners."""


class Coalitions:
    """What two bids together gain over the truth, every other owner honest.

    Split: the second identity is asked last. Pair: owner i and owner i + 1 (the last one's partner is the first).

    Parameters
    ----------
    case : Case
        The ``deviators`` of its threat model say which of the two.

    Attributes
    ----------
    possible : bool[B, n]
        Whose coalition exists: who can split, or whose partner is there.
    """

    def __init__(self, case: Case) -> None:
        self.auction, self.types, self.budget, self.threat = case.auction, case.types, case.budget, case.threat
        types = self.types
        self.truth = types.truthful_bids()
        truthful = expected_outcome(self.auction, types, self.truth, self.budget)
        honest, self.truthful_payment = (
            truthful.utility,
            coalition_total(types, truthful.payment, self.threat),
        )  # [B, n]
        if self.threat.deviators == SPLIT:
            self.partner = None
            self.truthful, self.possible = honest, types.data_size > 1
        else:
            self.partner = (torch.arange(types.shape[1]) + 1) % max(1, types.shape[1])
            both = self.truth.present & self.truth.present[:, self.partner]
            self.truthful, self.possible = honest + honest[:, self.partner], both & (types.shape[1] > 1)

    def truthful_bids(self, generator: torch.Generator) -> tuple[Bids, Bids]:
        """True bids ``[B, n]`` of both: her records divided at random, or the partner's own."""
        if self.partner is not None:
            return as_misreports(self.truth), as_misreports(self.truth.take(owners=self.partner))
        size = self.truth.data_size
        share = torch.rand(size.shape, generator=generator, dtype=torch.float64)
        first = torch.minimum((size * share).floor().long(), (size - 1).clamp(min=0))
        whole = as_misreports(self.truth)
        return whole.replace(data_size=first), whole.replace(data_size=size - first)

    def admitted(self, first: Bids, second: Bids) -> tuple[Bids, Bids]:
        """Both bids with forbidden fields put back; of a split owner no record is offered twice."""
        if self.partner is not None:
            partner = self.truth.take(owners=self.partner)
            return self.threat.admitted(self.truth, first), self.threat.admitted(partner, second)
        both = Bids(
            valuation=second.valuation,
            privacy_budget=second.privacy_budget,
            data_size=torch.minimum(second.data_size, self.truth.data_size - first.data_size),
        )
        return first, both

    def random_misreports(self, turn: int, fields: Collection[str], generator: torch.Generator) -> tuple[Bids, Bids]:
        """Lies in ``fields`` ``[B, n]``, drawn at random: of the one, of the other or of both, as it is their turn."""
        honest = self.truthful_bids(generator)
        misreports = [draw_misreport(true, fields, generator) for true in honest]
        who = ((True, False), (False, True), (True, True), (self.partner is not None,) * 2)[turn % 4]
        first, second = (
            misreport if does else true for does, misreport, true in zip(who, misreports, honest, strict=True)
        )
        return self.admitted(first, second)

    def steps(self, misreports: tuple[Bids, Bids], width: float, generator: torch.Generator) -> tuple[Bids, Bids]:
        """Lies ``[B, n]`` a factor of about ``1 + width`` away from given ones."""
        fields = self.threat.fields
        true = (self.truth, self.truth if self.partner is None else self.truth.take(owners=self.partner))
        moved = [
            nearby_misreports(one, misreport, generator, fields=fields, width=width)
            for one, misreport in zip(true, misreports, strict=True)
        ]
        if self.partner is None and "data_size" not in fields:
            moved = [
                step.replace(data_size=misreport.data_size) for step, misreport in zip(moved, misreports, strict=True)
            ]
        return self.admitted(moved[0], moved[1])

    def gains(self, first: Bids, second: Bids) -> tuple[Tensor, Tensor, Tensor]:
        """Money gained ``[B, n]`` by each coalition, whether it is more than rounding, and overspent in its market.

        Raises
        ------
        ValueError
            If a gain is not a number.
        """
        gain, overspent = torch.zeros_like(self.truthful), torch.zeros_like(self.truthful)
        paid = torch.zeros_like(self.possible)
        owners = self.types.shape[1]
        # Every coalition is another auction: all profiles at once for owner 0's, then for owner 1's, and so on.
        for owner in range(owners):
            rows = self.possible[:, owner].nonzero()[:, 0]
            if not len(rows):
                continue
            column, places = self._columns(owner)
            market = self._market(owner, column, places, rows, first, second)
            result = expected_outcome(
                self.auction, self.types.take(rows=rows, owners=places), market, self.budget[rows]
            )
            # A split owner's second identity stands behind all others, with her own types.
            earned, payment, cost = (
                values[:, owner] + values[:, column] for values in (result.utility, result.payment, result.cost)
            )
            honest = self.truthful[rows, owner]
            gain[rows, owner] = torch.where(earned == honest, 0.0, earned - honest)
            paid[rows, owner] = pays(gain[rows, owner], self.truthful_payment[rows, owner], payment, cost)
            overspent[rows, owner] = (result.max_spent - self.budget[rows]).clamp(min=0)
        require_numbers(gain)
        return gain, paid, overspent

    def _columns(self, owner: int) -> tuple[int, Tensor]:
        """Where the second bid stands, and whose true types the columns have."""
        everybody = torch.arange(self.types.shape[1])
        if self.partner is not None:
            return int(self.partner[owner]), everybody
        return self.types.shape[1], torch.cat([everybody, everybody[[owner]]])

    def _market(self, owner: int, column: int, places: Tensor, rows: Tensor, first: Bids, second: Bids) -> Bids:
        place = torch.arange(len(places))
        seconds = second.take(rows=rows, owners=torch.full_like(places, owner))
        others = first.take(rows=rows, owners=places).where(
            (place == owner).expand(len(rows), -1), as_misreports(self.truth.take(rows=rows, owners=places))
        )
        return seconds.where((place == column).expand(len(rows), -1), others)


def attack_coalitions(case: Case, queries: int, generator: torch.Generator) -> ChunkResult:
    """Search for every coalition's best pair of lies: three quarters at random, then steps around the best.

    One of the two lies, or the other, or both, in every combination of the fields in turn; a split owner may also stay
    honest under both names.

    Raises
    ------
    ValueError
        If a gain is not a number.
    """
    game = Coalitions(case)
    best = game.truthful_bids(generator)
    gain, overspent = torch.full_like(game.truthful, -torch.inf), torch.zeros_like(game.truthful)
    paid = torch.zeros_like(game.possible)
    wide = _random_queries(queries)
    widths = torch.logspace(-0.5, -3, max(1, queries - wide)).tolist()
    worth = coalition_total(case.types, case.types.cost_at_own_budget(), case.threat)
    combinations = field_subsets(case.threat.fields)
    curve = Curve(owners=int(game.possible.sum()))
    for query in range(queries):
        if query < wide:
            first, second = game.random_misreports(query, combinations[query % len(combinations)], generator)
        else:
            first, second = game.steps(best, widths[query - wide], generator)
        found, found_paid, over = game.gains(first, second)
        # As good is kept too: a climb has to walk along the plateaus where nothing changes.
        better = found >= gain
        best = (first.where(better, best[0]), second.where(better, best[1]))
        gain, paid = torch.where(better, found, gain), torch.where(better, found_paid, paid)
        overspent = torch.maximum(overspent, over)
        share = torch.where(game.possible & (gain > 0), gain / worth, 0.0)
        curve.infinite = int(share.isinf().sum())
        curve.own.append(float(torch.where(share.isinf(), 0.0, share).sum()))
    curve.together = list(curve.own)
    return ChunkResult(
        names=(PAIRS,),
        gain=torch.where(game.possible, gain, 0.0),
        paid=game.possible & paid,
        found_by=torch.where(gain > 0, 0, -1),
        queries=torch.where(game.possible, queries, 0),
        misreports=storable(best[0], game.truth),
        curves={PAIRS: curve},
        failures=(),
        attacked=game.possible,
        contradicted=torch.zeros_like(game.possible),
        overspent=overspent,
    )


def no_coalitions(case: Case, failure: Failure) -> ChunkResult:
    """The result of a search that failed: nobody was attacked."""
    nothing = torch.zeros(case.types.shape, dtype=torch.float64)
    return ChunkResult(
        names=(PAIRS,),
        gain=nothing,
        paid=nothing.bool(),
        found_by=torch.full(case.types.shape, -1, dtype=torch.int64),
        queries=nothing.long(),
        misreports=storable(case.types.truthful_bids(), case.types.truthful_bids()),
        curves={},
        failures=(failure,),
        attacked=nothing.bool(),
        contradicted=nothing.bool(),
        overspent=nothing,
    )


def coalition_total(types: OwnerTypes, amount: Tensor, threat: ThreatModel) -> Tensor:
    """An ``amount[B, n]`` of the owners as the coalition's: the sum of both members', or the split owner's own."""
    if threat.deviators != PAIR:
        return amount
    return amount + amount[:, (torch.arange(types.shape[1]) + 1) % max(1, types.shape[1])]


def _random_queries(queries: int) -> int:
    """How many of the queries are drawn at random; the rest steps around the best."""
    return max(1, round(0.75 * queries))
