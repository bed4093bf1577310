"""Whether a misreport pays, alone, everybody else telling the truth: every lie that is found is told in a market."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.auctions.base import Guarantees, MenuAuction
from agents.broker.checking.guarded import GuardedAuction
from agents.broker.checking.rare_events import LiarMarkets
from agents.broker.checking.results import CLAIMED, NOT_CLAIMED, CheckResult
from agents.broker.checking.worth import gain, worth
from agents.messages import Bids, Outcome
from agents.misreports.search import BestMisreports, alone, search
from agents.types import OwnerTypes

REMEDY = "a rounding: let it pay whole quanta of money (spendable in agents/broker/auctions/base.py)"
OVERSTATED: tuple[float, ...] = (1.001, 1.1, 1.5, 2.0, 10.0, 1000.0)
"""How many times the records that she has an owner claims, and one record more than she has."""
RERUN_AT_MOST = 400
"""Liars, those with the largest gains, whose markets are played again to tell gain from rounding."""


class Truthfulness:
    """What misreports in certain fields brought, and whether it was exactly nothing where that is claimed."""

    def __init__(self, name: str, claim: str) -> None:
        self.result = CheckResult(name, claim)
        self.exact = CheckResult(name.replace("truthful", "gain exactly 0", 1), NOT_CLAIMED)
        self._claimed = claim == CLAIMED

    def results(self) -> list[CheckResult]:
        """The verdict, and for what is claimed whether no gain was a rounding either."""
        return [self.result, self.exact] if self._claimed else [self.result]

    def book_markets(
        self,
        guard: GuardedAuction,
        label: str,
        markets: LiarMarkets,
        tried: int | None = None,
        outcomes: tuple[Outcome, Outcome] | None = None,
    ) -> None:
        """Play markets ``[B, n]`` with one liar each, truthfully and not, unless their outcomes are there already."""
        honest, lied = outcomes or (None, None)
        first, rows = markets.profiles, torch.arange(len(markets.deviator))
        types = markets.types.take(rows=first)
        truth = worth(guard, types, types.truthful_bids(), markets.budget[first], honest)
        lie = worth(guard, markets.types, markets.bids, markets.budget, lied)
        profile = torch.zeros_like(rows) if markets.one_profile else rows
        found = gain(truth.of(profile, markets.deviator), lie.of(rows, markets.deviator))
        there = markets.types.data_size[rows, markets.deviator] > 0
        money = torch.where(there, found.money, -torch.inf)
        cost = markets.types.cost_at_own_budget()[rows, markets.deviator]
        # A gain counts in shares of her cost of all she has; where that says nothing, in money.
        relative = torch.where((cost > 0) & torch.isfinite(cost), money / cost, money)
        tried = int(there.sum()) if tried is None else tried
        for result, wrong in ((self.result, found.paid & there), (self.exact, (found.money > 0) & there)):
            fails = bool(wrong.any())
            ranked = torch.where(wrong, relative, -torch.inf) if fails else relative.clamp(max=0.0)
            place = int(ranked.argmax()) if len(ranked) else 0
            worst = float(ranked[place]) if len(ranked) else 0.0
            told = f"{label}: {_told(markets, place, float(money[place]))}" if fails else ""
            remedy = f" ({REMEDY})" if fails and result is self.exact and not bool(found.paid[place]) else ""
            result.add(worst, not fails, told + remedy, tried)

    def book_found(
        self, guard: GuardedAuction, label: str, types: OwnerTypes, budget: Tensor, found: BestMisreports
    ) -> None:
        """Play the most profitable lies of a search again; where none gains anything that is that."""
        rows, owners = (torch.where(types.data_size > 0, found.gain, -torch.inf) > 0).nonzero(as_tuple=True)
        if not len(rows):
            best = torch.where(types.data_size > 0, found.gain, -torch.inf).amax()
            for result in (self.result, self.exact):
                result.add(min(0.0, float(best)), True, "", found.tried)
            return
        order = found.gain[rows, owners].argsort(descending=True)[:RERUN_AT_MOST]
        rows, owners = rows[order], owners[order]
        bids = alone(types.truthful_bids(), found.misreports, rows, owners)
        self.book_markets(
            guard, label, LiarMarkets(types.take(rows=rows), budget[rows], owners, bids), tried=found.tried
        )


def questions(claims: Guarantees) -> list[tuple[frozenset[str], Truthfulness, int]]:
    """Fields lied about: the claimed ones jointly, each other one alone; each with the part of the lies it gets."""
    asked = [(claims.truthful_in, CLAIMED, 1)] if claims.truthful_in else []
    asked += [(frozenset({field}), NOT_CLAIMED, 4) for field in sorted(claims.strategic - claims.truthful_in)]
    return [
        (fields, Truthfulness("truthful in " + ", ".join(sorted(fields)), claim), part) for fields, claim, part in asked
    ]


def search_profile(
    guard: GuardedAuction,
    question: Truthfulness,
    fields: frozenset[str],
    label: str,
    types: OwnerTypes,
    budget: Tensor,
    count: int,
    generator: torch.Generator,
    *,
    listed: bool,
) -> None:
    """Search the profiles of a batch for a lie that pays; most are read off a trusted list, a twentieth is rerun."""
    own = guard.auction.list_depends_on if isinstance(guard.auction, MenuAuction) else frozenset()
    read = fields - own if listed else frozenset()
    if read:
        found = search(guard, types, budget, count, generator, fields=read)
        question.book_found(guard, label, types, budget, found)
    rerun = max(1, count // 20) if read else count
    found = search(guard, types, budget, rerun, generator, fields=fields, rerun=True)
    question.book_found(guard, label, types, budget, found)


def overstated_sizes(
    guard: GuardedAuction, question: Truthfulness, label: str, types: OwnerTypes, budget: Tensor,
    generator: torch.Generator,
) -> None:  # fmt: skip
    """One liar per market who claims more records than she has, other fields being true or not."""
    batch, owners = types.shape
    truth = types.truthful_bids()
    for factor in (None, *OVERSTATED):
        deviator = torch.randint(owners, (batch,), generator=generator)
        here = torch.arange(owners) == deviator[:, None]
        more = truth.data_size + 1 if factor is None else (truth.data_size.double() * factor).ceil().long()
        scale = torch.where(torch.rand(truth.shape, generator=generator) < 0.5, 1.0, 0.7)
        told = Bids(
            valuation=truth.valuation.scaled(torch.where(here, scale.double(), 1.0)),
            privacy_budget=truth.privacy_budget,
            data_size=torch.where(here & truth.present, more.clamp(max=10**12), truth.data_size),
        )
        question.book_markets(guard, f"{label}, overstated", LiarMarkets(types, budget, deviator, told))


def _told(markets: LiarMarkets, row: int, money: float) -> str:
    """A lie in words."""
    owner = int(markets.deviator[row])
    one = markets.types.take(rows=[row], owners=[owner])
    said = markets.bids.take(rows=[row], owners=[owner])
    cap = one.privacy_budget
    lied = [
        f"{what} {misreport.item():.4g} instead of {true.item():.4g}"
        for what, true, misreport in (
            ("cost per record", one.valuation.at(cap), said.valuation.at(cap)),
            ("privacy budget", cap, said.privacy_budget),
            ("data size", one.data_size, said.data_size),
        )
        if bool(misreport != true)
    ]
    return f"market {row}, owner {owner} gains {money:.4g} by saying {', '.join(lied) or 'a table'}"
