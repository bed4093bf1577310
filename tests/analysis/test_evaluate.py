"""The comparison of mechanisms on the same truthful profiles."""

from __future__ import annotations

import pytest

from agents.broker.auctions.registry import load_auction
from analysis.evaluate import FIRST_BEST, NO_BUDGET, evaluate

FEW = {"0.5": (0.5, 0.5), "2": (2.0, 2.0)}


@pytest.fixture(scope="module")
def table():
    auctions = {name: load_auction(name) for name in ("sequential-menu", "all-in")}
    seen = []
    made = evaluate(auctions, profiles=60, factors=FEW, watch=seen.append)
    assert len(seen) == 4
    return made.set_index(["budget_factor", "auction"])


def test_every_mechanism_and_yardstick_has_a_row_per_budget_factor(table):
    names = ["sequential-menu", "all-in", FIRST_BEST, NO_BUDGET]
    assert list(table.index) == [(factor, name) for factor in FEW for name in names]


def test_no_auction_beats_the_first_best(table):
    for factor in FEW:
        for name in ("sequential-menu", "all-in"):
            assert table.loc[(factor, name), "over_first_best"] >= 1


def test_intervals_hold_the_mean_and_more_money_buys_a_lower_bound(table):
    assert ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all()
    for name in ("sequential-menu", "all-in", FIRST_BEST):
        assert table.loc[("2", name), "mean"] < table.loc[("0.5", name), "mean"]
    assert table.loc[("2", NO_BUDGET), "mean"] == table.loc[("0.5", NO_BUDGET), "mean"]


def test_exact_mechanisms_break_nothing(table):
    rows = table.xs("sequential-menu", level="auction")
    assert (rows["ir_violations"] == 0).all()
    assert (rows["budget_violations"] == 0).all()
    assert (rows["spent"] <= 1).all()


def test_all_in_is_its_own_yardstick(table):
    assert (table.xs("all-in", level="auction")["over_all_in"] == 1).all()


def test_too_few_profiles_are_refused():
    with pytest.raises(ValueError, match="profiles"):
        evaluate({}, profiles=1)


def test_a_mechanism_without_a_valid_round_has_an_infinite_bound_and_no_interval():
    made = evaluate({"posted-price": load_auction("posted-price")}, profiles=4, factors={"0": (0.0, 0.0)})
    row = made.set_index("auction").loc["posted-price"]
    assert row["invalid_rate"] == 1
    assert row["mean"] == row["low"] == row["high"] == float("inf")
