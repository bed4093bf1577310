"""Splitters, few and for few rounds."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.summary import cost_at_own_budget
from market_sim import MarketConfig, load_results
from scenarios.commands.study import StudyTables
from scenarios.split_identities import AUCTIONS, NAMES, row_of, run

SMALL = {"owners": 10, "bidders": 8, "rounds": 3}


def test_gains_are_those_of_the_runs_it_leaves(tmp_path):
    out = tmp_path / "out"
    answer = run(out=out, progress=False, fields=SMALL, repetitions=1, processes=1)
    rows = answer.figures["splits"]
    assert [(row["auction"], row["names"]) for row in rows] == [(a, n) for a in AUCTIONS for n in NAMES]
    trades = load_results(out / "sequential-menu-2-0").trades
    split = trades[trades["strategy"] == "identity-splitting"]
    assert rows[0]["gain"] == pytest.approx((split["misreport_gain"] / cost_at_own_budget(split)).mean())
    assert rows[0]["splits"] == len(split) > 0
    with pytest.raises(ValueError, match="field 'strategies' is what this study compares"):
        run(out=tmp_path / "other", progress=False, fields={"strategies": {"truthful": 1.0}})


def test_a_hair_is_neither_paid_nor_lost():
    trade = {"seed": 0, "strategy": "identity-splitting", "own_cost": 20.0}
    trades = pd.DataFrame([{**trade, "misreport_gain": gain} for gain in (2.0, -1.0, 1e-14, float("nan"))])
    row = row_of("x", 2, StudyTables(MarketConfig(), rounds=trades, trades=trades))
    assert (row["splits"], row["best"]) == (3, 0.1)
    assert row["gain"].mean == pytest.approx(1 / 60)
    assert (row["paid"].mean, row["lost"].mean) == (1 / 3, 1 / 3)
