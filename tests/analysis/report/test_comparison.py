"""A comparison shows every market's own numbers side by side, and calls a lead one only where intervals lie apart."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from analysis.headline import headline_from
from analysis.key_figures import key_figures
from analysis.promises import tried_or_claimed
from analysis.report.comparison import comparison_answer, comparison_report
from analysis.report.labels import unlike
from analysis.report.runs import differing, markets_of


def test_runs_of_the_same_market_are_put_together_and_named_by_what_differs(markets):
    assert [market.label for market in markets] == ["ascending-menu", "all-in"]
    assert [list(market.runs) for market in markets] == [["first", "second"], ["all-in"]]
    assert markets[0].rounds["seed"].tolist() == [0] * 6 + [1] * 6
    assert differing(markets).to_dict("list") == {
        "label": ["ascending-menu", "all-in"],
        "auction": ["ascending-menu", "all-in"],
    }


def test_markets_are_named_by_what_differs(runs):
    first, other = runs["first"], runs["all-in"]
    far = {**other.config, "config": {**other.config["config"], "owners": 25, "rounds": 9}}
    labels = [market.label for market in markets_of({"a": first, "b": replace(other, config=far)})]
    assert labels == ["ascending-menu, 24 owners, 6 rounds", "all-in, 25 owners, 9 rounds"]
    noise = {**first.config, "config": {**first.config["config"], "perturbation": "none", "lifetime_allowance": 2.0}}
    labels = [market.label for market in markets_of({"a": first, "b": replace(first, config=noise)})]
    assert labels == ["perturbation privunit, lifetime allowance none", "perturbation none, lifetime allowance 2.0"]
    many = noise["config"] | {"noise_source": "opendp"}
    labels = [
        market.label for market in markets_of({"a": first, "b": replace(first, config={**noise, "config": many})})
    ]
    assert labels == ["perturbation privunit", "perturbation none"], "three fields are too long for a name"
    noise = {**first.config, "config": {**first.config["config"], "perturbation": "none"}}
    labels = [market.label for market in markets_of({"a": first, "b": replace(first, config=noise)})]
    assert labels == ["perturbation privunit", "perturbation none"]


def test_the_report_has_every_markets_numbers_to_the_last_digit(markets, read):
    html = comparison_report(markets)
    report = read(html)
    for place, market in enumerate(markets):
        found = key_figures(market.rounds, market.trades).to_dict("records")
        for shown, row in zip(report.rows("key-numbers"), found, strict=True):
            assert shown["quantity"] == row["quantity"]
            for part in ("mean", "low", "high"):
                value = shown.get(f"{part} {place}")
                assert value == row[part] or (value in (None, "\N{EN DASH}") and pd.isna(row[part]))
        assert report.rows(f"promises-table-{place + 1}") == tried_or_claimed(market.findings.promises).to_dict(
            "records"
        )
    assert [row["auction"] for row in report.rows("differences-table")] == ["ascending-menu", "all-in"]
    assert len(html.encode()) <= 3_000_000
    ids = [attributes["id"] for _, attributes in report.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def numbers(**rows) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"market": market, "quantity": quantity, "unit": "", "mean": mean, "low": low, "high": high}
            for market, found in rows.items()
            for quantity, (mean, low, high) in found.items()
        ]
    )


ACCURACY, BOUND = "test accuracy after the last round", "error bound of valid rounds"
NOBODY = headline_from(0, 0, pd.DataFrame())
TWO = numbers(
    a={ACCURACY: (0.8, 0.7, 0.9), BOUND: (1.0, 0.9, 1.1)},
    b={ACCURACY: (0.7, 0.6, 0.75), BOUND: (2.0, 1.5, 2.5)},
)
VALUES = (
    "Test accuracy after the last round: a (0.80 [0.70, 0.90]); b (0.70 [0.60, 0.75]).",
    "Mean error bound: a (1.00 [0.90, 1.10]); b (2.0 [1.5, 2.5]).",
)
LYING = "Did lying pay? a: nobody lied. b: nobody lied. [ ]: 95 % intervals."


def test_a_lead_is_one_only_where_intervals_lie_apart():
    said = " ".join(comparison_answer(TWO, {"a": NOBODY, "b": NOBODY}))
    assert said == (f"{VALUES[0]} Which is highest is open: intervals overlap. {VALUES[1]} The lowest: a. {LYING}")
    alone = " ".join(comparison_answer(numbers(a={ACCURACY: (0.8, float("nan"), float("nan"))}), {"a": NOBODY}))
    assert alone.startswith("Test accuracy after the last round: a (0.8). Mean error bound: none could be measured. ")
    once = {ACCURACY: (0.8, float("nan"), float("nan"))}
    assert "Which is highest is not known: one run has no interval." in " ".join(
        comparison_answer(numbers(a=once, b=once), {})
    )


def test_nobody_is_crowned_where_markets_are_unlike(runs):
    said = " ".join(comparison_answer(TWO, {"a": NOBODY, "b": NOBODY}, ["task (digits, synthetic)"]))
    assert said == (
        f"No market is called better than another: they differ in task (digits, synthetic). {VALUES[0]} {VALUES[1]} "
        f"{LYING}"
    )
    said = " ".join(comparison_answer(TWO, {"a": NOBODY, "b": NOBODY}, same_bound=False))
    assert "Their error bounds are not comparable: clipping or measure differ." in said
    assert "The lowest" not in said
    config = runs["first"].config["config"]
    assert unlike([config, config | {"auction": "all-in", "strategies": {"truthful": 1.0}}]) == []
    assert unlike([config, config | {"task": "synthetic", "rounds": 9, "budget_factor": [1.0, 2.0]}]) == [
        "task (digits, synthetic)",
        "budget factor (0.1 to 2, 1 to 2)",
        "rounds (6, 9)",
    ]


def test_an_interrupted_run_is_shorter_than_its_configuration_says(runs):
    first, other = runs["first"], runs["all-in"]
    cut = replace(other, rounds=other.rounds.head(4), trades=other.trades[other.trades["round"] < 4])
    html = comparison_report(markets_of({"a": first, "b": cut}))
    assert "they differ in rounds (6, 4)" in html


def test_markets_of_the_same_fields_are_named_by_their_checkpoints(runs):
    first = runs["first"]
    other = replace(
        first, config={**first.config, "auction": first.config["auction"] | {"checkpoint_sha256": "f" * 64}}
    )
    names = [market.label for market in markets_of({"a": first, "b": other})]
    assert names == [f"checkpoint {first.config['auction']['checkpoint_sha256'][:8]}", "checkpoint ffffffff"]


def test_strategies_are_named_by_who_may_lie(runs):
    first = runs["first"]

    def with_shares(**shares):
        return replace(first, config={**first.config, "config": first.config["config"] | {"strategies": shares}})

    pair = {"a": with_shares(truthful=1.0), "b": with_shares(truthful=0.6, hedge=0.4)}
    assert [market.label for market in markets_of(pair)] == ["all truthful", "40 % hedge"]


def test_what_cannot_be_compared_is_refused(runs, markets):
    with pytest.raises(ValueError, match="a comparison needs two markets"):
        comparison_report(markets[:1])
    with pytest.raises(ValueError, match="no run to report on"):
        markets_of({})
    with pytest.raises(ValueError, match="runs 'first' and 'again' are the same market with the same seed"):
        markets_of({"first": runs["first"], "again": runs["first"]})
    with pytest.raises(ValueError, match="run 'empty' has no completed round"):
        markets_of({"empty": replace(runs["first"], rounds=runs["first"].rounds.head(0))})
