"""The numbers of a report are those of the tables, to the last digit, and its answer follows from them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from analysis.headline import headline
from analysis.key_figures import QUANTITIES, key_figures
from analysis.paired import who_pays
from analysis.promises import promises, tried_or_claimed
from analysis.report.runs import markets_of
from analysis.report.single import MAX_ROWS, market_report
from analysis.summary import gains_by_strategy, privacy_spent
from market_sim import run_market
from market_sim.paired_run import play_paired_run


@pytest.fixture(scope="module")
def html(markets) -> str:
    return market_report(markets[0], hashes={"first": {"rounds.parquet": "12ab"}}, chance=0.1)


@pytest.fixture(scope="module")
def report(html, read):
    return read(html)


def same(shown, expected) -> bool:
    return shown == expected or (shown == "\N{EN DASH}" and not math.isfinite(expected))


def test_every_recorded_round_stands_in_the_report_to_the_last_digit(report, markets):
    rows = report.rows("rounds-table")
    assert len(rows) == len(markets[0].rounds) == 12
    for shown, recorded in zip(rows, markets[0].rounds.to_dict(orient="records"), strict=True):
        assert {"seed", "round", "budget", "spent", "error_bound", "test_accuracy"} <= shown.keys()
        for column, value in shown.items():
            if isinstance(recorded[column], bool | np.bool_):
                assert value == ("yes" if recorded[column] else "no")
            elif isinstance(recorded[column], str):
                assert value == recorded[column]
            else:
                assert same(value, recorded[column]), column


def test_key_numbers_gains_promises_and_privacy_are_those_of_the_tables(report, markets):
    rounds, trades = markets[0].rounds, markets[0].trades
    for shown, found in zip(report.rows("key-numbers"), key_figures(rounds, trades).to_dict("records"), strict=True):
        assert shown["quantity"] == found["quantity"]
        assert all(same(shown[part], found[part]) for part in ("mean", "low", "high"))
    by_hand = {row["quantity"]: row["mean"] for row in report.rows("key-numbers")}
    assert by_hand["spent"] == pytest.approx(rounds["spent"].mean(), rel=1e-12)
    assert by_hand["sellers"] == rounds["sellers"].mean()
    for shown, found in zip(report.rows("gains"), gains_by_strategy(trades).to_dict("records"), strict=True):
        assert all(same(value, found[column]) for column, value in shown.items())
    claims = tried_or_claimed(promises(markets[0].manifest["auction"]["guarantees"], rounds, trades))
    assert report.rows("promises-table") == claims.to_dict("records")
    for shown, found in zip(report.rows("payers-table"), who_pays(rounds).table.to_dict("records"), strict=True):
        assert all(same(value, found[column]) for column, value in shown.items())
    spent = privacy_spent(trades)
    assert [row["value"] for row in report.rows("privacy-table")] == list(spent.values())


def test_question_answer_and_configuration(report, html, markets):
    assert report.texts["question"].endswith("?")
    found = headline(markets[0].trades, markets[0].runs["first"].groups)
    said = (
        f"{found.verdict} Not one of {found.misreports} lies earned more than the truth would have in the same round."
    )
    assert report.texts["answer"] == said
    assert html.index("<svg") < html.index("<section"), "the figure that shows it comes before everything else"
    more = html[html.index('<ul id="more">') : html.index("</ul>")]
    assert "Against everybody&#x27;s truth in the same " in more
    assert "Whether the learning survives is not known" in more
    assert "No claim of the auction was broken here." in more
    assert [(row["run"], row["seed"], row["rounds"]) for row in report.rows("runs")] == [
        ("first", 0, 6),
        ("second", 1, 6),
    ]
    assert report.rows("files") == [{"run": "first", "file": "rounds.parquet", "sha256": "12ab"}]
    for said in ("checkpoint_sha256", markets[0].manifest["auction"]["checkpoint_sha256"], "torch 2"):
        assert said in html


def test_the_report_stands_alone_and_is_small(report, html):
    for tag, attributes in report.tags:
        assert tag not in ("script", "iframe", "object", "img")
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
    assert "@import" not in html
    assert len(html.encode()) <= 3_000_000
    ids = [attributes["id"] for _, attributes in report.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [tag for tag, _ in report.tags].count("svg") == 4


def test_a_report_is_the_same_when_written_again(html, markets):
    assert market_report(markets[0], hashes={"first": {"rounds.parquet": "12ab"}}, chance=0.1) == html


def test_lies_that_paid_and_broken_promises_are_said(markets, read):
    trades = markets[0].trades
    lied = trades["misreport_gain"].notna()
    paying = {
        name: replace(
            run, trades=run.trades.assign(misreport_gain=run.trades["misreport_gain"].abs() + 1, misreport_paid=True)
        )
        for name, run in markets[0].runs.items()
    }
    html = market_report(markets_of(paying)[0])
    assert read(html).texts["answer"].startswith(f"Yes {lied.sum()} of {lied.sum()} lies earned more")
    assert f"Claims broken here: no lie under one name pays (broken in {lied.sum()} of {lied.sum()} cases, by " in html


def test_rounds_in_which_nobody_sold_have_no_bound_to_speak_of(runs, read):
    first = runs["first"]
    barren = replace(first, rounds=first.rounds.assign(invalid=True, error_bound=np.inf))
    html = market_report(markets_of({"barren": barren})[0])
    answer = unescape(html[html.index('<ul id="more">') : html.index("</ul>")])
    assert "% of her budget" in answer
    assert "in rounds of which not one was valid, and her model's test accuracy ended at" in answer
    assert "for a mean error bound" not in answer


def test_one_honest_run_without_noise_cut_short(runs, read):
    first = runs["first"]
    config = json.loads(json.dumps(first.config)) | {"interrupted": True, "rounds_completed": 6}
    config["config"] = {**config["config"], "perturbation": "none", "rounds": 50}
    config["perturbation"]["private"] = False
    config["privacy_account"]["holds"] = "none"
    honest = replace(
        first,
        rounds=first.rounds.assign(truthful_share=1.0),
        trades=first.trades.assign(misreport_gain=np.nan),
        config=config,
    )
    html = market_report(markets_of({"short": honest})[0])
    assert read(html).texts["answer"].startswith("Not known yet Nobody lied.")
    assert "Unfinished: short was interrupted after 6 of 50 rounds." in html
    assert "uploads carried no noise" in html


def test_a_long_run_is_shown_in_part(runs, read):
    first = runs["first"]
    many = first.rounds.loc[first.rounds.index.repeat(60)].reset_index(drop=True)
    long = replace(first, rounds=many.assign(round=range(len(many))))
    html = market_report(markets_of({"long": long})[0])
    assert len(read(html).rows("rounds-table")) == MAX_ROWS
    assert f"The other {len(many) - MAX_ROWS} are in rounds.parquet." in html


def test_quantities_have_units():
    assert all(QUANTITIES.values())


def test_a_market_is_beside_the_same_one_with_everybody_truthful() -> None:
    """Of two runs one has a paired run: the learning is compared over that seed alone."""
    runs = {str(seed): run_market(seed=seed, auction="all-in", owners=12, bidders=6, rounds=2,
                                  strategies={"scaled-valuation": 1.0}) for seed in (0, 1)}  # fmt: skip
    twin = play_paired_run(runs["1"])
    (alone,), (beside,) = markets_of(runs), markets_of(runs, {"1": twin.rounds})
    assert alone.findings.learning.runs == 0
    assert "not played" in alone.findings.learning.sentence
    assert beside.findings.learning.runs == 1
    assert beside.findings.learning.truthful_accuracy == twin.rounds["test_accuracy"].iloc[-1]
