"""The parts of a check, one method each, and the results that they share."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.checking.batches import (
    LARGE_BATCHES,
    a_budget_of_every_binade,
    alone_in_every_binade,
    in_a_large_batch,
)
from agents.broker.checking.climbs import climb
from agents.broker.checking.contracts import part_of
from agents.broker.checking.guarded import FailedCallError, GuardedLottery, GuardedMenu, guarded
from agents.broker.checking.hard_profiles import Profile
from agents.broker.checking.inputs import Untouched
from agents.broker.checking.lists import KeptByLists
from agents.broker.checking.lotteries import draws_disagree
from agents.broker.checking.outcomes import KeptByOutcomes
from agents.broker.checking.plain_misreports import plain_misreports
from agents.broker.checking.rare_events import LiarMarkets, liar_markets, widest_gap
from agents.broker.checking.regimes import CLOSELY, regimes
from agents.broker.checking.results import CLAIMED, CONTRACT, CheckResult
from agents.broker.checking.same_answers import SameAnswers
from agents.broker.checking.truthfulness import Truthfulness, overstated_sizes, questions, search_profile
from agents.broker.checking.ways import ROWS
from agents.messages import BID_FIELDS, Bids
from agents.misreports.generators import draw_misreports
from agents.prior import OwnerPrior
from agents.types import OwnerTypes

DEFAULT_PROFILES = 200
FEW = 20
"""Rows that a price list is tested on."""
SMALL_MARKETS = 200
"""Small markets with a liar for every random profile."""
LIARS = 12
"""Liars of a market of many owners."""


class Examination:
    """What is asked of one auction, and what came out."""

    def __init__(
        self, auction: Auction, prior: OwnerPrior, profiles: int, misreports: int, generator: torch.Generator
    ) -> None:
        self._auction, self._prior, self._generator = auction, prior, generator
        self._count, self._lies = profiles, misreports
        self._thin = max(1, DEFAULT_PROFILES // profiles)
        claims = auction.guarantees
        self._guard = guarded(auction)
        self.same = SameAnswers.of(self._guard, torch.Generator().manual_seed(1))
        self._kept = KeptByOutcomes(claims)
        self._lists = KeptByLists(self._guard, claims) if isinstance(self._guard, GuardedMenu) else None
        self._questions = questions(claims)
        self._inputs = Untouched(self._guard)
        sizes = claims.truthful_in & {"data_size"} - claims.cannot_overstate - claims.verified
        self._overstated = Truthfulness("truthful with overstated data sizes", CLAIMED) if sizes else None
        self._odds = CheckResult("draws agree with declared odds", CONTRACT)
        self._fields = claims.truthful_in or claims.strategic or BID_FIELDS

    def results(self) -> list[CheckResult]:
        """Every row of the report."""
        rows = [self._guard.runs, *self._kept.results(), *self._inputs.results(), *self.same.results.values()]
        rows += [self._odds] if isinstance(self._guard, GuardedLottery) else []
        rows += self._lists.results() if self._lists is not None else []
        for _, question, _ in self._questions:
            rows += question.results()
        return rows + (self._overstated.results() if self._overstated is not None else [])

    def profiles(self, batches: list[Profile]) -> None:
        """Random and hard profiles: outcomes of truth and of everybody lying, price lists, ways of asking."""
        for label, types, budget in batches:
            truth = types.truthful_bids()
            for told, bids in self._truth_and_lies(label, truth):
                with _gives_up():
                    self._kept.book(told, bids, budget, self._guard.run(bids, budget))
                if bids is truth:
                    with _gives_up():
                        self._inputs.examine(told, bids.take(rows=slice(0, 3)), budget[:3])
                if self._lists is not None and bids is truth:
                    with _gives_up():
                        self._lists.follows(told, bids, budget)
            self._own_lists(label, truth.take(rows=slice(0, FEW if label == "random" else 3)), budget)
            for told, few, money in self._occasions(truth, budget):
                rounds = 2 if self._thin == 1 else 1
                self.same.examine(f"{label}, {told}", few, money, rounds=rounds, each=label == "random", lists=True)
                if self._lists is not None:
                    with _gives_up():
                        self._lists.follows(f"{label}, {told}", few, money)

    def _truth_and_lies(self, label: str, truth: Bids) -> Iterator[tuple[str, Bids]]:
        yield label, truth
        yield f"{label}, all misreporting", plain_misreports(truth, self._generator)
        for misreports in draw_misreports(truth, 7, self._generator):
            yield f"{label}, all misreporting", misreports

    def _occasions(self, truth: Bids, budget: Tensor) -> Iterator[tuple[str, Bids, Tensor]]:
        """Three markets, of truth, of one liar and of all lying: in the form of the truth, and as mixtures."""
        rows = torch.arange(3) % truth.shape[0]
        few, money = truth.take(rows=rows), budget[rows]
        one = torch.arange(truth.shape[1]) == torch.randint(truth.shape[1], (1,), generator=self._generator)
        lied = torch.stack([torch.zeros_like(one), one, torch.ones_like(one)])
        yield "misreported plainly", plain_misreports(few, self._generator).where(lied, few), money
        for lies in draw_misreports(few, 1, self._generator):
            yield "misreported by mixtures", lies.where(lied, few), money

    def _own_lists(self, label: str, few: Bids, budget: Tensor) -> None:
        if self._lists is None or not self._lists.fields or not self._auction.guarantees.strategic:
            return
        count = min(40, self._lies_of(label))
        for misreports in draw_misreports(few, count, self._generator, fields=self._lists.fields):
            with _gives_up():
                self._lists.own(label, few, misreports, budget[: few.shape[0]])

    def _lies_of(self, label: str) -> int:
        return self._lies if label == "random" else max(1, self._lies // 5)

    def misreports(self, batches: list[Profile]) -> None:
        """A search for the most profitable lie of every owner, and claims of more records than she has."""
        trusted = self._lists is not None and self._lists.trusted
        for fields, question, part in self._questions:
            for label, types, budget in batches:
                count = max(1, self._lies_of(label) // part)
                listed = trusted and part == 1
                with _gives_up():
                    search_profile(
                        self._guard, question, fields, label, types, budget, count, self._generator, listed=listed
                    )
        for label, types, budget in batches if self._overstated is not None else []:
            assert self._overstated is not None
            with _gives_up():
                overstated_sizes(self._guard, self._overstated, label, types, budget, self._generator)

    def batches(self) -> None:
        """One market alone as in a batch: a budget of every binade, and batches of thousands."""
        generator = torch.Generator().manual_seed(2)
        result = self.same.results[ROWS]
        for owners in (1, 3):
            bids, budget = a_budget_of_every_binade(self._prior, owners, generator)
            rows = torch.arange(owners % self._thin, len(budget), self._thin)
            bids, budget = bids.take(rows=rows), budget[rows]
            with _gives_up():
                differ = alone_in_every_binade(self._guard, bids, budget)
                result.add(float(differ), differ == 0, f"{owners} owners, a budget of every binade", len(budget))
            with _gives_up():
                self._kept.book("a budget of every binade", bids, budget, self._guard.run(bids, budget))
        for others in LARGE_BATCHES:
            types, budget = self._prior.sample(4, min(3, self._auction.max_owners or 3), generator)
            with _gives_up():
                differ = in_a_large_batch(self._guard, types.truthful_bids(), budget, others, generator)
                result.add(float(differ), differ == 0, f"among {others} other markets", 4)

    def regimes(self) -> None:
        """Every number of owners to 130, and some to 1000: truth, some liars, everybody lying, in a batch."""
        generator = torch.Generator().manual_seed(3)
        for index, (label, types, budget) in enumerate(regimes(self._prior, generator)):
            owners = types.shape[1]
            if (index % self._thin and owners not in (50, 64)) or not self._auction.supports(types.truthful_bids()):
                continue
            markets = _with_liars(types, budget, min(LIARS, 4 * owners), self._fields, generator)
            self._examine_liars(label, markets)
            if owners in CLOSELY:
                rows = torch.tensor([0, 1]) if owners > 130 else torch.arange(min(4, len(markets.budget)))
                told, money = markets.bids.take(rows=rows), markets.budget[rows]
                told = types.truthful_bids().take(rows=0 * rows).where(rows[:, None] == 0, told)
                self.same.examine(label, told, money)

    def rare_events(self) -> None:
        """Very many small markets with a liar each, and what can be excluded after them."""
        generator = torch.Generator().manual_seed(4)
        count = SMALL_MARKETS * self._count
        caps = []
        for markets in liar_markets(self._prior, count, self._auction.max_owners, self._fields, generator):
            self._examine_liars("many small markets", markets, lists=len(markets.budget) // 8)
            rows = torch.arange(len(markets.deviator))
            caps.append(markets.bids.privacy_budget[rows, markets.deviator])
        width = widest_gap(torch.cat(caps), self._prior.privacy_budget[1])
        for fields, question, part in self._questions:
            result = question.result
            if part == 1 and not result.refuted and result.tried:
                result.excludes = f"lies that pay in {3 / result.tried:.1g} of all cases and more"
                if "privacy_budget" in fields:
                    result.excludes += f", windows of privacy budgets wider than {width:.2g}"

    def _examine_liars(self, label: str, markets: LiarMarkets, lists: int | None = None) -> None:
        """One liar per market: outcomes, gains where truth is claimed, and for menus the lists of some."""
        first, lied = markets.profiles, f"{label}, one misreporting"
        truth, money = markets.types.take(rows=first).truthful_bids(), markets.budget[first]
        with _gives_up():
            honest, dishonest = self._guard.run(truth, money), self._guard.run(markets.bids, markets.budget)
            self._kept.book(label, truth, money, honest)
            self._kept.book(lied, markets.bids, markets.budget, dishonest)
            for fields, question, part in self._questions:
                if part == 1 and fields == self._fields:
                    question.book_markets(self._guard, label, markets, outcomes=(honest, dishonest))
            if self._lists is not None and isinstance(self._guard, GuardedMenu):
                true_rows, rows = first[:lists], torch.arange(len(markets.budget))[:lists]
                some, told = truth.take(rows=true_rows), markets.bids.take(rows=rows)
                own = self._guard.price_list(some, money[true_rows])
                other = self._guard.price_list(told, markets.budget[rows])
                self._lists.chose(label, some, part_of(honest, true_rows), own)
                self._lists.chose(lied, told, part_of(dishonest, rows), other)
                if self._auction.guarantees.truthful_in:
                    self._lists.of_deviators(lied, some, own, told, other, markets.deviator[rows])

    def climbs(self) -> None:
        """Towards an overspent budget and towards a loss."""
        generator = torch.Generator().manual_seed(5)
        for owners in (2, 6):
            count = max(64, self._count)
            types, budget = self._prior.sample(count, min(owners, self._auction.max_owners or owners), generator)
            with _gives_up():
                climb(self._guard, self._kept, types.truthful_bids(), budget, generator)

    def odds(self, batches: list[Profile]) -> None:
        """What a declared lottery draws against its odds, in one market of every kind; every draw keeps the budget."""
        if not isinstance(self._guard, GuardedLottery):
            return
        generator = torch.Generator().manual_seed(6)
        for label, types, budget in batches:
            bids = types.truthful_bids().take(rows=slice(0, 1))
            with _gives_up():
                wrong = draws_disagree(self._guard, bids, budget[:1], generator, 2 * len(batches) * bids.shape[1])
                self._odds.add(float(wrong), wrong == 0, label, bids.shape[1])
                truth = types.truthful_bids()
                drawn = self._guard.ask(self._auction, truth, budget, generator)
                self._kept.book(f"{label}, drawn", truth, budget, drawn)


class _gives_up:  # noqa: N801 (reads as the sentence that it is)
    """Let a case go of which a call failed: that is booked already."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, FailedCallError)


def _with_liars(
    types: OwnerTypes, budget: Tensor, liars: int, fields: frozenset[str], generator: torch.Generator
) -> LiarMarkets:
    """One market ``liars`` times, each with another liar, chosen at random."""
    rows = torch.zeros(liars, dtype=torch.int64)
    many = types.take(rows=rows)
    deviator = torch.randint(types.shape[1], (liars,), generator=generator)
    here = torch.arange(types.shape[1]) == deviator[:, None]
    truth = many.truthful_bids()
    lies = plain_misreports(truth, generator, fields=fields)
    return LiarMarkets(many, budget[rows], deviator, lies.where(here, truth), one_profile=True)
