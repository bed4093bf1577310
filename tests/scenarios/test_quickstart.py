"""The quickstart, small: the same steps, the same files, the same questions answered."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.summary import stacked
from market_sim import MarketConfig, load_results
from scenarios.commands.answer import Answer
from scenarios.commands.market_summary import market_summary
from scenarios.quickstart import MARKET, figures_of, run

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
    return out, run(seed=3, out=out, progress=False, market=SMALL, repetitions=2, processes=1)


def test_it_is_the_market_that_the_issue_describes():
    assert isinstance(MARKET, MarketConfig)
    assert (MARKET.buyers, MARKET.auction, MARKET.aggregation) == (1, "sequential-menu", "optimal")
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


def test_its_figures_are_those_of_the_tables_it_leaves(played):
    out, answer = played
    market = {seed: load_results(out / f"market-{seed}") for seed in (6, 7)}
    ceiling = {seed: load_results(out / f"no-noise-{seed}").rounds for seed in (6, 7)}
    rounds = stacked({seed: results.rounds for seed, results in market.items()})
    trades = stacked({seed: results.trades for seed, results in market.items()})
    again = figures_of(rounds, trades, stacked(ceiling), chance=answer.figures["chance"])
    again["clip_norm"] = MARKET.clip_norm
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
    broken = answer.figures["violations"]
    assert broken["individual_rationality"] == broken["budget"] == broken["privacy_budget"] == broken["data_size"] == 0


def test_the_noiseless_market_has_the_same_bids_and_payments(played):
    """Only the noise differs: its stream moves no other."""
    out, _ = played
    noisy, ideal = load_results(out / "market-6").trades, load_results(out / "no-noise-6").trades
    assert noisy.equals(ideal)


def test_one_seed_one_answer(played, tmp_path):
    out, answer = played
    again = run(seed=3, out=tmp_path / "again", progress=False, market=SMALL, repetitions=2, processes=1)
    assert again.json() == answer.json()
    for name in ("rounds.parquet", "trades.parquet"):
        assert (tmp_path / "again" / "market-7" / name).read_bytes() == (out / "market-7" / name).read_bytes()


def text_of(figures) -> str:
    return "\n".join(part.plain for part in market_summary(figures, "out") if hasattr(part, "plain"))


def test_the_summary_answers_the_questions(played):
    _, answer = played
    text = text_of(answer.figures)
    misreports = sum(row["misreports"] for row in answer.figures["lying"])
    assert f"No: not one of {misreports} lies earned more than the truth" in text
    assert f"Accuracy {answer.figures['buyer']['accuracy']:.3f}" in text
    assert "Truthful bidders who lost money: 0. Rounds that cost more than the budget: 0." in text
    assert "Privacy losses add up over the rounds" in text


def test_the_summary_says_when_lying_paid_or_nobody_lied(played):
    _, answer = played
    (first, *rest) = answer.figures["lying"]
    assert "Yes: 3 of" in text_of({**answer.figures, "lying": [{**first, "paid": 3}, *rest]})
    assert "Nobody lied." in text_of({**answer.figures, "lying": []})
    modest = {**answer.figures["privacy"], "largest": 2.0}
    assert "Each sum is a guarantee" in text_of({**answer.figures, "privacy": modest})


def test_it_refuses_a_foreign_directory_before_any_work(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds something else \(thesis\.tex\)"):
        run(seed=0, out=tmp_path, progress=False)


def test_figures_are_plain_numbers(played):
    """So that --json can print them."""
    _, answer = played
    assert not any(isinstance(value, np.generic) for row in answer.figures["lying"] for value in row.values())
    json.loads(answer.json())
