"""Learners, few and for few rounds: the same steps and files, and the answer follows from the numbers."""

from __future__ import annotations

import pytest

from analysis.intervals import Interval
from market_sim import load_results
from market_sim.campaign.workers import Workers
from scenarios.learning_liars import run, sentence

SMALL = {"owners": 6, "bidders": 6, "rounds": 12}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("learning") / "out"
    return out, run(seed=1, out=out, progress=False, fields=SMALL, repetitions=2, workers=Workers(1))


def test_every_learner_is_measured_under_both_auctions(played):
    out, answer = played
    found = [(row["auction"], row["learner"]) for row in answer.figures["learners"]]
    assert found == [
        (auction, learner)
        for auction in ("pay-as-bid", "ascending-menu")
        for learner in ("exp3", "hedge", "q-learning")
    ]
    assert {"learning-liars.png", "result.txt", "pay-as-bid-2", "ascending-menu-3"} <= {
        path.name for path in out.iterdir()
    }


def test_no_single_lie_gains_under_the_ascending_menu(played):
    _, answer = played
    rows = [row for row in answer.figures["learners"] if row["auction"] == "ascending-menu"]
    assert all(row["best_gain"] <= 0 and row["gain"] <= 0 and row["regret_against_truth"] >= 0 for row in rows)
    assert any("no single lie paid" in said for said in answer.figures["sentences"])


def test_the_ratio_in_the_end_is_that_of_the_last_quarter(played):
    out, answer = played
    row = answer.figures["learners"][0]
    ratios = []
    for seed in (2, 3):
        trades = load_results(out / f"pay-as-bid-{seed}").trades
        ratios.append(trades[(trades["round"] >= 9) & (trades["strategy"] == "exp3")]["report_ratio"].mean())
    assert row["asked_ratio"] == pytest.approx(sum(ratios) / 2)


def test_the_sentence_says_what_the_numbers_say():
    row = {
        "learner": "hedge",
        "asked_ratio": Interval(2.5, 2.0, 3.0),
        "gain": Interval(0.5, 0.4, 0.6),
        "best_gain": 2.0,
        "paid": 7,
    }
    assert sentence("pay-as-bid", [row]) == (
        "Under pay-as-bid they end asking, over true cost, hedge 2.50 [2.00, 3.00]. Lies gained with hedge; "
        "7 single lies paid, the best 2.00 of her cost."
    )
    lost = {**row, "gain": Interval(-0.5, -0.6, -0.4), "best_gain": 0.0, "paid": 0}
    assert sentence("x", [lost]).endswith("Lies lost with hedge; no single lie paid.")
