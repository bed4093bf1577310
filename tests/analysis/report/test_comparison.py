"""A comparison shows every market's own numbers side by side, and calls a lead one only where intervals lie apart."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from analysis.key_figures import key_figures
from analysis.report.comparison import comparison_answer, comparison_report
from analysis.report.runs import differing, markets_of


def test_runs_of_the_same_market_are_put_together_and_named_by_what_differs(markets):
    assert [market.label for market in markets] == ["sequential-menu", "all-in"]
    assert [list(market.runs) for market in markets] == [["first", "second"], ["all-in"]]
    assert markets[0].rounds["seed"].tolist() == [0] * 6 + [1] * 6
    assert differing(markets).to_dict("list") == {
        "label": ["sequential-menu", "all-in"],
        "auction": ["sequential-menu", "all-in"],
    }


def test_markets_that_differ_in_much_or_nothing_said_have_numbers(runs):
    first, other = runs["first"], runs["all-in"]
    far = {**other.config, "config": {**other.config["config"], "owners": 25, "rounds": 9}}
    labels = [market.label for market in markets_of({"a": first, "b": replace(other, config=far)})]
    assert labels == ["market 1", "market 2"]
    noise = {**first.config, "config": {**first.config["config"], "perturbation": "none", "lifetime_allowance": 2.0}}
    labels = [market.label for market in markets_of({"a": first, "b": replace(first, config=noise)})]
    assert labels == ["market 1", "market 2"]
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
                value = shown[f"{part} {place}"]
                assert value == row[part] or (value == "\N{EN DASH}" and pd.isna(row[part]))
    assert [row["sequential-menu"] for row in report.rows("promises-table")] == [0, 0, 0, 0]
    assert [row["auction"] for row in report.rows("differences-table")] == ["sequential-menu", "all-in"]
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


def test_a_lead_is_one_only_where_intervals_lie_apart():
    accuracy, bound, paid = "test accuracy after the last round", "error bound of valid rounds", "lies that paid"
    said = comparison_answer(
        numbers(
            a={accuracy: (0.8, 0.7, 0.9), bound: (1.0, 0.9, 1.1), paid: (0.0, 0.0, 0.0)},
            b={accuracy: (0.7, 0.6, 0.75), bound: (2.0, 1.5, 2.5), paid: (12.0, 10.0, 14.0)},
        )
    )
    assert said == (
        "The highest test accuracy: a, 0.8 [0.7, 0.9]; next b, 0.7 [0.6, 0.75] (their intervals overlap). "
        "The lowest mean error bound: a, 1 [0.9, 1.1]; next b, 2 [1.5, 2.5] (their intervals lie apart). "
        "Lies paid in b (12 [10, 14] % of lies)."
    )
    alone = comparison_answer(numbers(a={accuracy: (0.8, float("nan"), float("nan")), paid: (0.0, 0.0, 0.0)}))
    assert alone == (
        "The highest test accuracy: a, 0.8. The lowest mean error bound: none could be measured. "
        "Not one lie paid in any of them."
    )


def test_what_cannot_be_compared_is_refused(runs, markets):
    with pytest.raises(ValueError, match="a comparison needs two markets"):
        comparison_report(markets[:1])
    with pytest.raises(ValueError, match="no run to report on"):
        markets_of({})
    with pytest.raises(ValueError, match="runs 'first' and 'again' are the same market with the same seed"):
        markets_of({"first": runs["first"], "again": runs["first"]})
    with pytest.raises(ValueError, match="run 'empty' has no completed round"):
        markets_of({"empty": replace(runs["first"], rounds=runs["first"].rounds.head(0))})
