"""Every check can fail: one broken auction for each, beside the planted cheats and the published All-in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from agents.broker.auctions.all_in import AllIn
from agents.broker.auctions.base import FIELDS, Auction, Guarantees, Menu
from agents.broker.auctions.fixed_share import FixedShare
from agents.broker.auctions.leaky_menu import LeakyMenu
from agents.broker.auctions.proportional_share import ProportionalShare
from agents.broker.auctions.registry import auction_classes
from agents.broker.checking.check import CheckReport, check_auction
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from tests.agents.broker.checking.cheats import DeclaredShorterForLess

QUICK: dict[str, Any] = {"profiles": 8, "misreports": 8}


def refuted(report: CheckReport) -> set[str]:
    return set(report.refuted)


LONG = {"ascending-menu", "equivariant-menu", "m-regretnet", "regretnet", "residual-menu"}
LONG |= {"sequential-menu-full", "sequential-menu-verified"}
"""Auctions whose check takes longer than all others together."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.thorough] * (name in LONG)) for name in auction_classes()]
)
def test_planted_cheats_and_refuted_claims_are_caught_and_nothing_else(name: str) -> None:
    report = check_auction(name, **QUICK)
    auction = auction_classes()[name]
    assert report.ok is not (auction.planted or auction.refuted), str(report)


def test_of_a_cheat_only_the_lie_is_refuted() -> None:
    truthful = "truthful in data_size, privacy_budget, valuation"
    assert refuted(check_auction("pay-as-bid", **QUICK)) == {truthful}
    assert refuted(check_auction("fixed-share", **QUICK)) == {truthful}
    # Who claims more data makes it cheaper for those before her, and finds more money left.
    overstated = "truthful with overstated data sizes"
    assert refuted(check_auction("leaky-menu", **QUICK)) == {truthful, overstated, "own list ignores own bid"}


def test_the_published_all_in_does_not_keep_what_the_paper_claims_for_it() -> None:
    assert refuted(check_auction("all-in", **QUICK)) == {"truthful in valuation"}


def test_what_is_not_claimed_is_told_and_not_held_against_it() -> None:
    class HonestAllIn(AllIn):
        guarantees = Guarantees()

    report = check_auction(HonestAllIn(), profiles=8, misreports=24)
    told = report.table.set_index("check").loc["truthful in valuation"]
    assert report.ok
    assert (told["claim"], bool(told["holds"])) == ("not claimed", False)
    assert told["worst"] > 0
    assert "gains" in told["where"]


class Altered(ProportionalShare):
    """Proportional share with its outcome spoiled."""

    def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
        outcome = super().allocate(bids, budget, generator)
        fields = {name: getattr(outcome, name) for name in Outcome.__dataclass_fields__}
        return Outcome(**fields | self.altered(bids, outcome))

    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        raise NotImplementedError


class Overspending(Altered):
    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        return {"payment": torch.nextafter(outcome.payment, outcome.payment * 2)}


class Stingy(Altered):
    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        return {"payment": bids.cost(outcome.privacy_loss, outcome.data_size) * (1 - 2**-50)}


class Greedy(Altered):
    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        return {
            "privacy_loss": torch.where(outcome.sells, torch.nextafter(bids.privacy_budget, 9 + outcome.payment), 0)
        }


class Inventive(Altered):
    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        return {"data_size": outcome.data_size + outcome.sells}


class Moody(Altered):
    calls = 0

    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        self.calls += 1
        return {"payment": outcome.payment * (1 if self.calls % 2 else 0.999)}


class Comparing(Altered):
    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        return {"payment": outcome.payment * (1 - 1e-9 * outcome.payment / outcome.payment.max().clamp(min=1))}


class Counting(Altered):
    def altered(self, bids: Bids, outcome: Outcome) -> dict[str, Tensor]:
        return {"payment": outcome.payment * (1 - 1e-9 / bids.shape[1])}


@pytest.mark.parametrize(
    ("rule", "check"),
    [
        (Overspending, "budget feasible"),
        (Stingy, "individually rational"),
        (Greedy, "privacy loss within bid"),
        (Inventive, "records within bid"),
        (Moody, "deterministic"),
        (Comparing, "rows independent"),
        (Counting, "absent owners ignored"),
    ],
)
def test_a_broken_rule_is_caught_where_it_is_broken(rule: type[Altered], check: str) -> None:
    report = check_auction(rule(), profiles=6, misreports=1)
    assert check in refuted(report), str(report)


def test_a_rule_that_breaks_down_is_reported_with_its_error() -> None:
    class Fragile(ProportionalShare):
        def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
            if bids.shape[1] == 1:
                raise ZeroDivisionError("nobody to compare with")
            return super().allocate(bids, budget, generator)

    report = check_auction(Fragile(), profiles=3, misreports=1)
    assert "runs" in refuted(report)
    assert "bids of shape [3, 1]: ZeroDivisionError: nobody to compare with" in str(report)


def test_whatever_is_not_an_outcome_of_the_right_shape_is_reported() -> None:
    class Silent(ProportionalShare):
        def run(self, bids: Bids, budget: Any, generator: torch.Generator | None = None) -> Outcome:
            return None  # type: ignore[return-value]

    class Deaf(ProportionalShare):
        def run(self, bids: Bids, budget: Any, generator: torch.Generator | None = None) -> Outcome:
            return Outcome.nothing(1, 1)

    assert refuted(check_auction(Silent(), profiles=3, misreports=1)) == {"runs"}
    assert refuted(check_auction(Deaf(), profiles=3, misreports=1)) == {"runs"}


def test_a_menu_that_breaks_down_is_reported_too() -> None:
    class Fragile(LeakyMenu):
        def price_list(self, bids: Bids, budget: Any) -> Menu:
            raise ZeroDivisionError("no list today")

    assert refuted(check_auction(Fragile(), profiles=3, misreports=1)) == {"runs"}


def test_a_menu_without_nothing_or_with_another_choice_is_caught() -> None:
    class Binding(LeakyMenu):
        def price_list(self, bids: Bids, budget: Any) -> Menu:
            menu = super().price_list(bids, budget)
            return Menu(menu.privacy_loss + 0.01, menu.price, menu.records)

        def allocate(self, bids: Bids, budget: Tensor, generator: torch.Generator | None) -> Outcome:
            return LeakyMenu().run(bids, budget)

    assert "run is choice from list" in refuted(check_auction(Binding(), profiles=3, misreports=1))


def test_a_menu_that_claims_nothing_may_look_at_the_own_bid() -> None:
    class Frank(LeakyMenu):
        guarantees = Guarantees()

    report = check_auction(Frank(), **QUICK)
    assert report.ok, str(report)
    assert not bool(report.table.set_index("check").loc["own list ignores own bid", "holds"])


def test_a_menu_with_everything_verified_is_not_asked_for_lies() -> None:
    class Known(LeakyMenu):
        guarantees = Guarantees(verified=FIELDS)

    assert check_auction(Known(), profiles=3, misreports=1).ok


def test_the_report_names_the_verdict_the_liar_and_the_lie() -> None:
    class InPrivacyBudgetOnly(FixedShare):
        guarantees = Guarantees(truthful_in=frozenset({"privacy_budget"}))

    text = str(check_auction(InPrivacyBudgetOnly(), **QUICK))
    assert text.startswith("fixed-share: REFUTED\n")
    assert "by saying privacy budget" in text
    assert str(check_auction("proportional-share", **QUICK)).startswith("proportional-share: nothing refuted\n")


def test_it_tries_as_many_lies_as_it_was_asked_for() -> None:
    tried = check_auction("leaky-menu", **QUICK).table.set_index("check")["tried"]
    everybody_random = 8 * 10 * 8  # profiles, owners, misreports; hard profiles come on top
    assert tried["own list ignores own bid"] > everybody_random
    assert tried["truthful in data_size, privacy_budget, valuation"] > everybody_random


def test_the_same_seed_finds_the_same() -> None:
    one, two = (check_auction("pay-as-bid", seed=4, **QUICK).table for _ in range(2))
    assert one.equals(two)


def test_another_prior_is_drawn_from() -> None:
    prior = OwnerPrior(records=2000, owners=50, sizes="equal", families=("linear",), budgets="independent")
    assert check_auction("proportional-share", prior, **QUICK).ok


@pytest.mark.parametrize(
    ("auction", "keywords", "message"),
    [
        ("proportional-shar", {}, "did you mean 'proportional-share'"),
        (Auction, {}, "pass an Auction instance"),
        ("all-in", {"profiles": 0}, "profiles = 0: pass a whole number between 1"),
        ("all-in", {"misreports": 1.5}, "misreports = 1.5 is not a whole number"),
        ("all-in", {"seed": -1}, "seed = -1"),
        (
            "all-in",
            {"seed": 2**63},
            "seed = 9223372036854775808: pass a whole number between 0 and 9223372036854775807",
        ),
        ("all-in", {"prior": "x"}, "prior = 'x': pass an OwnerPrior"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(auction: Any, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        check_auction(auction, **keywords)


def test_what_a_claim_rests_on_is_said_with_the_verdict() -> None:
    said = "Assumed: nobody can overstate her data size (the market refuses it); such lies are not tried."
    report = check_auction(DeclaredShorterForLess(), profiles=2, misreports=2)
    assert report.assumption == said
    assert said in str(report)
    assert check_auction("all-in", profiles=1, misreports=1).assumption == ""
