"""Searching for a profitable misreport, the auction given as a callable.

Nothing here knows how an auction works: it is handed over as an object with ``run`` (and ``price_list``, if everybody
chooses from a list that is not supposed to depend on her own bid) or as a plain function from bids and budget to an
outcome.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from agents.checks import whole
from agents.messages import BID_FIELDS, Bids, Outcome
from agents.misreports.generators import as_misreports, draw_misreports, nearby_misreports
from agents.types import OwnerTypes

CHUNK = 100_000
"""Bids (rows times owners) in one rerun: bounds the memory that a search takes."""


class Rule(Protocol):
    """Anything that turns bids and a budget into an outcome."""

    def run(self, bids: Bids, budget: Any, /) -> Outcome:
        """The outcome of one auction per row."""
        ...


AnyRule = Rule | Callable[[Bids, Any], Outcome]


def expected_utility(auction: AnyRule, types: OwnerTypes, bids: Bids, budget: Tensor) -> Tensor:
    """Everybody's utility ``[B, n]`` under ``bids``; that of a lottery in expectation, never by a draw."""
    rule: Any = auction
    lottery = getattr(rule, "lottery", None)
    if lottery is not None:
        expected: Tensor = lottery(bids, budget).utility(types.truthful_bids())
        return expected
    return types.utility(getattr(rule, "run", rule)(bids, budget))


class Counterfactuals:
    """What one deviator would gain where all others tell the truth, for any number of misreports of one batch.

    An auction with a ``price_list`` is asked for it once, and every deviator chooses from her own, unless she reports
    another data size and her list may depend on that. Any other auction, or all with ``rerun``, is run again for every
    deviator alone. Utilities are compared to the last bit, without tolerance.
    Those of a lottery, an auction with ``lottery``, are expectations.

    Parameters
    ----------
    auction : object with ``run`` (and ``price_list``), or a function of bids and budget
    types : OwnerTypes [B, n]
    budget : float64[B]
    rerun : bool
        Do not rely on a price list even where there is one.

    Attributes
    ----------
    truthful : float64[B, n]
        Everybody's utility when all tell the truth.
    """

    def __init__(self, auction: AnyRule, types: OwnerTypes, budget: Tensor, *, rerun: bool = False) -> None:
        self._auction = auction
        self._types = types
        self._budget = budget
        self._truth = types.truthful_bids()
        self.truthful = expected_utility(auction, types, self._truth, budget)
        price_list = getattr(auction, "price_list", None)
        self._menu = None if rerun or price_list is None else price_list(self._truth, budget)
        self._size_moves_list = "data_size" in getattr(auction, "list_depends_on", ())

    def gains(self, misreports: Bids, who: Tensor | None = None) -> Tensor:
        """Money gained ``[B, n]`` by each owner who alone tells her ``misreports[B, n]``; 0 for absent owners.

        ``who[B, n]`` restricts the question to some owners; the others gain 0.
        """
        asked = self._truth.present if who is None else self._truth.present & who
        if self._menu is None:
            utility = self._rerun(misreports, asked)
        else:
            utility = self._types.utility(self._menu.choose(misreports))
            if self._size_moves_list:
                other_list = asked & (misreports.data_size != self._truth.data_size)
                utility = torch.where(other_list, self._rerun(misreports, other_list), utility)
        # Both may be minus infinity, whose difference would be no number.
        gain = torch.where(utility == self.truthful, 0.0, utility - self.truthful)
        return torch.where(asked, gain, 0.0)

    def _rerun(self, misreports: Bids, asked: Tensor) -> Tensor:
        """Utility ``[B, n]`` of every owner ``asked`` when she alone misreports; -inf for the others."""
        utility = torch.full(self._types.shape, -torch.inf, dtype=torch.float64)
        row, deviator = asked.nonzero(as_tuple=True)
        markets = max(1, CHUNK // max(1, self._types.shape[1]))
        for start in range(0, len(row), markets):
            rows, who = row[start : start + markets], deviator[start : start + markets]
            markets_with_deviator = alone(self._truth, misreports, rows, who)
            told = expected_utility(
                self._auction, self._types.take(rows=rows), markets_with_deviator, self._budget[rows]
            )
            utility[rows, who] = told.gather(-1, who[:, None])[:, 0]
        return utility


def gains(auction: AnyRule, types: OwnerTypes, budget: Tensor, misreports: Bids, *, rerun: bool = False) -> Tensor:
    """What each owner gains ``[B, n]``, in money, by her misreport while everybody else tells the truth.

    ``Counterfactuals`` for one set of misreports; see there for the parameters.
    """
    return Counterfactuals(auction, types, budget, rerun=rerun).gains(misreports)


def alone(truth: Bids, misreports: Bids, rows: Tensor, deviators: Tensor) -> Bids:
    """Markets ``[m, n]`` with one deviator: market j is profile ``rows[j]``, misreported by owner ``deviators[j]``."""
    here = torch.arange(truth.shape[1]) == deviators[:, None]
    return misreports.take(rows=rows).where(here, truth.take(rows=rows))


def per_cost(types: OwnerTypes, money: Tensor) -> Tensor:
    """``money[B, n]`` over each owner's cost of all she has at her own privacy budget.

    Where that cost is infinite this is 0, and where it is 0 any money is infinitely much; no money is 0 of any cost.
    """
    return torch.where(money == 0, 0.0, money / types.cost_at_own_budget())


@dataclass(frozen=True)
class BestMisreports:
    """The best misreports a search came across.

    Parameters
    ----------
    gain : float64[B, n]
        Money gained by each owner's best misreport; 0 or less if none paid.
    misreports : Bids [B, n]
        These misreports, each told alone.
    tried : int
        How many misreports of single owners were tried.
    """

    gain: Tensor
    misreports: Bids
    tried: int


def search(
    auction: AnyRule,
    types: OwnerTypes,
    budget: Tensor,
    count: int,
    generator: torch.Generator,
    *,
    fields: Collection[str] = BID_FIELDS,
    rerun: bool = False,
) -> BestMisreports:
    """Try ``count`` misreports of every owner: three quarters ``draw_misreports``, then steps around the best of them.

    The steps start wide and narrow down; each is taken where it does no worse than the best misreport so far, so that
    the climb also walks along the plateaus where a misreport changes nothing.
    """
    truth = types.truthful_bids()
    counterfactuals = Counterfactuals(auction, types, budget, rerun=rerun)
    wide = max(1, round(0.75 * whole("count", count, minimum=1)))
    best = as_misreports(truth)
    gain = torch.full(types.shape, -torch.inf, dtype=torch.float64)
    steps = count - wide
    widths = torch.logspace(-0.5, -3, max(steps, 1)).tolist()
    candidates = itertools.chain(draw_misreports(truth, wide, generator, fields=fields), (None for _ in range(steps)))
    for index, candidate in enumerate(candidates):
        misreports = candidate or nearby_misreports(truth, best, generator, fields=fields, width=widths[index - wide])
        found = counterfactuals.gains(misreports)
        better = found >= gain
        best, gain = misreports.where(better, best), torch.where(better, found, gain)
    return BestMisreports(gain=gain, misreports=best, tried=count * int(truth.present.sum()))
