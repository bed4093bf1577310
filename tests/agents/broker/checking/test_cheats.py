"""Cheats that look honest are caught, each by the check that is about it; honest oddities are not."""

from __future__ import annotations

import pytest

from agents.broker.auctions.base import Auction
from agents.broker.checking.check import check_auction
from tests.agents.broker.checking import cheats

FEW = {"profiles": 6, "misreports": 6}
BY_CHECK: dict[str, tuple[type[Auction], ...]] = {
    "same with and without generator": (
        cheats.OnlyWithAGenerator, cheats.OnlyWithoutAGenerator, cheats.UndeclaredLottery,
    ),
    "generator moved only by a lottery": (cheats.DrawsForNothing, cheats.MovesGlobalState),
    "truthful in valuation": (cheats.From50Owners, cheats.Exactly64Owners, cheats.NarrowFactor),
    "rows independent": (cheats.FromManyRows, cheats.OnlyAlone, cheats.FirstRowOfABatch, cheats.HugeBudgets),
    "form of bids without effect": (cheats.OnlyTables, cheats.OnlyMixtures, cheats.OnlyParametric),
    "earlier calls change nothing": (
        cheats.RemembersTheLastBudget, cheats.RemembersTheHighestBudget, cheats.AfterManyCalls,
    ),
    "a copy answers the same": (cheats.AnotherPersonOnACopy,),
    "threads and global state without effect": (
        cheats.LooksAtGlobalState, cheats.CountsThreads, cheats.WatchesGradients,
    ),
    "memory layout without effect": (cheats.LooksAtMemory,),
    "absent owners ignored": (cheats.CountsPlaces,),
    "bids and budget left unchanged": (cheats.ScribblesOnBids,),
    "draws agree with declared odds": (cheats.OddsNotDrawn,),
}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "cheat"),
    [
        pytest.param(check, cheat, marks=[pytest.mark.thorough] * (place > 0 or cheat is cheats.OddsNotDrawn))
        for check, them in BY_CHECK.items()
        for place, cheat in enumerate(them)
    ],
)
def test_a_cheat_is_caught_by_the_check_that_is_about_it(check: str, cheat: type[Auction]) -> None:
    assert check in check_auction(cheat(), **FEW).refuted


@pytest.mark.thorough
def test_a_lottery_that_draws_as_it_declares_is_no_cheat() -> None:
    report = check_auction(cheats.HonestLottery(), **FEW)
    assert report.ok, str(report)
    assert report.table.set_index("check").loc["draws agree with declared odds", "tried"] > 100


def test_gains_at_the_level_of_rounding_are_named_with_the_remedy_and_refute_nothing() -> None:
    report = check_auction(cheats.RoundingGains(), **FEW)
    row = report.table.set_index("check").loc["gain exactly 0 in valuation"]
    assert "truthful in valuation" not in report.refuted, str(report)
    assert (row["claim"], row["holds"]) == ("not claimed", False)
    assert "a rounding: let it pay whole quanta of money" in row["where"]


def test_what_never_ran_was_not_tried_and_does_not_hold() -> None:
    report = check_auction(cheats.BreaksDown(), profiles=3, misreports=3)
    table = report.table.set_index("check")
    assert report.refuted == ["runs"]
    assert table.loc["truthful in valuation", "holds"] is None
    assert set(report.not_tried) == set(table.index) - {"runs"}
    assert "not tried" in str(report)


def test_what_is_excluded_is_said_and_grows_finer_with_more_profiles() -> None:
    rows = [
        check_auction("proportional-share", profiles=some, misreports=3).table.set_index("check").loc["budget feasible"]
        for some in (3, 30)
    ]
    assert rows[0]["tried"] < rows[1]["tried"]
    assert all("of all cases and more" in row["excludes"] for row in rows)


def test_it_says_how_far_it_is() -> None:
    told: list[tuple[str, float]] = []
    check_auction("posted-price", profiles=2, misreports=2, watch=lambda state, done: told.append((state, done)))
    assert told[0][1] == 0.0
    assert told[-1] == ("done", 1.0)
    assert [done for _, done in told] == sorted(done for _, done in told)


def test_a_list_may_depend_on_the_own_size_where_that_is_declared_and_lies_within() -> None:
    assert "own list ignores own bid" in check_auction(cheats.ShorterForLess(), **FEW).refuted
    assert check_auction(cheats.DeclaredShorterForLess(), **FEW).ok
    refuted = check_auction(cheats.DeclaredDearerForLess(), **FEW).refuted
    assert "list of a smaller size within her own" in refuted
    assert "own list ignores own bid" not in refuted
