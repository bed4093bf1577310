"""Three auctions, few profiles: which lies pay, and where truth survives."""

from __future__ import annotations

import pytest

from analysis.intervals import Interval
from market_sim.campaign.workers import Workers
from scenarios.misreport_study import run, sentences

AUCTIONS = ("pay-as-bid", "proportional-share", "sequential-menu")
SMALL = {"auctions": AUCTIONS, "profiles": 10, "game": {"profiles": 8, "starts": 2, "steps": 30}}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    return out, run(seed=0, out=out, progress=False, workers=Workers(1), **SMALL)


def test_lies_pay_where_they_should_and_nowhere_else(played):
    _, answer = played
    found = {row["auction"]: row for row in answer.figures["auctions"]}
    assert found["pay-as-bid"]["paying"] > 0
    assert found["pay-as-bid"]["basin"] == 0
    assert found["sequential-menu"]["paying"] == 0
    assert found["sequential-menu"]["basin"] == 1
    misreports = [row for row in answer.figures["misreports"] if row["auction"] == "sequential-menu"]
    assert len(misreports) == 7
    assert all(row["best"] <= 0 and row["gain_high"] <= 0 for row in misreports)


def test_verified_fields_are_not_lied_about(played):
    _, answer = played
    misreports = {row["misreport"] for row in answer.figures["misreports"] if row["auction"] == "proportional-share"}
    assert all(misreport.startswith("valuation") for misreport in misreports)


def test_it_leaves_a_picture_a_summary_and_every_game(played):
    out, _ = played
    assert sorted(path.name for path in out.iterdir()) == [
        "games",
        "misreport-study.png",
        "result.txt",
        "scenario.json",
    ]
    assert (out / "games" / "sequential-menu.png").is_file()
    assert (out / "games" / "pay-as-bid-payoffs.csv").is_file()


def test_the_sentences_say_what_the_numbers_say():
    row = {"auction": "a", "best_misreport": "valuation x 2", "gain": Interval(0.5, 0.4, 0.6), "paying": 2}
    pays = {**row, "basin": Interval(0.0, 0.0, 0.3)}
    honest = {**row, "auction": "b", "paying": 0, "basin": Interval(1.0, 0.7, 1.0)}
    between = {**honest, "auction": "c", "basin": Interval(0.5, 0.2, 0.8)}
    assert sentences([pays, honest, between]) == [
        "Some simple lie pays in 1 of 3 auctions (a), most in a: valuation x 2 gains 0.50 of her cost.",
        "None of the lies pays on average in b, c.",
        "Truth takes over from every start in b.",
        "It takes over from none in a.",
        "It takes over from a part of the starts in c (50 %).",
    ]
