"""The quickstart, small: the same steps, the same files, the same questions answered."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from agents.learning_defaults import LearningSettings
from analysis.formatting import with_interval
from analysis.report.runs import markets_of
from analysis.summary import stacked
from market_sim import MarketConfig, load_results
from market_sim.campaign.workers import Workers
from scenarios.commands.answer import Answer
from scenarios.commands.market_summary import market_figures, market_summary
from scenarios.quickstart import MARKET, run

SMALL = replace(
    MARKET,
    owners=20,
    bidders=6,
    rounds=4,
    strategies={"truthful": 0.5, "scaled-valuation": 0.25, "random-misreport": 0.25},
)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The directory and the answer of two short runs."""
    out = tmp_path_factory.mktemp("quickstart") / "out"
    return out, run(seed=3, out=out, progress=False, market=SMALL, repetitions=2, workers=Workers(1))


def test_it_is_the_market_that_the_issue_describes():
    assert isinstance(MARKET, MarketConfig)
    assert (MARKET.buyers, MARKET.auction) == (1, "ascending-menu")
    assert MARKET.learning == LearningSettings("direction", 1.0, 0.2, "variance")
    assert (MARKET.perturbation, MARKET.task) == ("privunit", "digits")
    assert MARKET.strategies["truthful"] == 0.7
    assert len(MARKET.strategies) == 5


def test_it_leaves_runs_that_can_be_read_back_a_figure_and_a_report(played):
    out, _ = played
    assert sorted(path.name for path in out.iterdir()) == [
        "market-6",
        "market-7",
        "no-noise-6",
        "no-noise-7",
        "quickstart.png",
        "report.html",
        "scenario.json",
    ]
    assert len(load_results(out / "market-6").rounds) == 4
    assert (out / "quickstart.png").stat().st_size <= 200_000
    assert json.loads((out / "scenario.json").read_text())["played"]["seed"] == 3


def market_of(out, *, beside=True):
    """The runs of the market that were left, beside their paired runs or not."""
    runs = {f"market-{seed}": load_results(out / f"market-{seed}") for seed in (6, 7)}
    paired = {name: load_results(out / name / "truthful").rounds for name in runs}
    (market,) = markets_of(runs, paired if beside else None)
    return market


def test_its_figures_are_those_of_the_tables_it_leaves(played):
    out, answer = played
    ceiling = stacked({seed: load_results(out / f"no-noise-{seed}").rounds for seed in (6, 7)})
    again = market_figures(market_of(out), chance=answer.figures["chance"], ceiling=ceiling)
    assert Answer(again, ()).json() == answer.json()


def test_it_says_where_its_report_is_and_the_report_has_all_its_runs(played):
    out, answer = played
    assert answer.summary[-1].plain == f"Report: {out / 'report.html'}"
    html = (out / "report.html").read_text()
    for said in ("market-6", "market-7", "without noise", "by chance"):
        assert said in html
    assert "no-noise-6" not in html


def test_no_lie_paid_and_no_promise_was_broken(played):
    _, answer = played
    assert all(row["paid"] == 0 and row["best"] <= 0 for row in answer.figures["lying"])
    assert answer.figures["headline"]["verdict"] == "No"
    assert {(row["claim"], row["here"], row["broken"]) for row in answer.figures["promises"]} == {
        ("claimed", "kept", 0),
        ("assumed", "kept", 0),  # nobody overstated her data: the market would have refused it
        ("not claimed", "not tried", 0),  # nobody had several names, nobody acted together
    }


def test_the_learning_is_measured_beside_the_same_owners_telling_the_truth(played):
    out, answer = played
    pairs = [
        (load_results(out / f"market-{seed}"), load_results(out / f"market-{seed}" / "truthful")) for seed in (6, 7)
    ]
    assert all(twin.trades["truthful"].all() and not run.trades["truthful"].all() for run, twin in pairs)
    change = [run.rounds["test_accuracy"].iloc[-1] - twin.rounds["test_accuracy"].iloc[-1] for run, twin in pairs]
    assert answer.figures["learning"]["runs"] == 2
    assert answer.figures["learning"]["difference"]["mean"] == pytest.approx(sum(change) / 2)


def test_the_noiseless_market_has_the_same_bids_and_payments(played):
    """Only the noise differs: its stream moves no other. Without it nothing of the privacy is left."""
    out, _ = played
    noisy, ideal = load_results(out / "market-6").trades, load_results(out / "no-noise-6").trades
    account = ["privacy_total", "delta_spent"]
    assert noisy.drop(columns=account).equals(ideal.drop(columns=account))
    spent = noisy["privacy_spent"] > 0
    assert (noisy["privacy_total"][spent] <= noisy["privacy_spent"][spent]).all()
    assert (ideal["privacy_total"][spent] == float("inf")).all()


def test_one_seed_one_answer(played, tmp_path):
    out, answer = played
    again = run(seed=3, out=tmp_path / "again", progress=False, market=SMALL, repetitions=2, workers=Workers(1))
    assert again.json() == answer.json()
    for name in ("rounds.parquet", "trades.parquet"):
        assert (tmp_path / "again" / "market-7" / name).read_bytes() == (out / "market-7" / name).read_bytes()


def printed(market, figures) -> str:
    console = Console(width=150, record=True, file=io.StringIO())
    for part in market_summary(market, figures):
        console.print(part)
    return " ".join(console.export_text().split())


def test_the_summary_answers_the_questions(played):
    out, answer = played
    market = market_of(out)
    text = printed(market, answer.figures)
    found = market.findings
    misreports = sum(row["misreports"] for row in answer.figures["lying"])
    assert f"No: not one of {misreports} lies earned more than the truth" in text
    for sentence in (*found.payers.sentences, found.learning.sentence, *answer.figures["outside_training"]):
        assert sentence in text
    accuracy = found.number("test accuracy after the last round")
    assert (
        f"Test accuracy after the last round {with_interval(accuracy['mean'], accuracy['low'], accuracy['high'])};"
        in text
    )
    assert text.count(" claimed kept ") == 5
    assert "Privacy losses add up over the rounds" in text


def test_the_summary_says_what_was_not_played_and_what_lies_outside_the_training(played):
    out, answer = played
    said = {**answer.figures, "outside_training": ["Auction 'x' was trained elsewhere."]}
    text = printed(market_of(out, beside=False), said)
    assert "this market was not played with everybody truthful" in text
    assert "Auction 'x' was trained elsewhere." in text
    modest = {**answer.figures, "privacy": {**answer.figures["privacy"], "largest": 2.0, "total_largest": 2.0}}
    assert "What holds is a guarantee" in printed(market_of(out), modest)


def test_it_refuses_a_foreign_directory_before_any_work(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds something else \(thesis\.tex\)"):
        run(seed=0, out=tmp_path, progress=False)


def test_figures_are_plain_numbers(played):
    """So that --json can print them."""
    _, answer = played
    assert not any(isinstance(value, np.generic) for row in answer.figures["lying"] for value in row.values())
    json.loads(answer.json())
