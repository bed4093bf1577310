"""Splitters, few and for few rounds."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.summary import cost_at_own_budget
from market_sim import MarketConfig, load_results
from market_sim.campaign.workers import Workers
from scenarios.commands.study import StudyTables
from scenarios.split_identities import AUCTIONS, NAMES, row_of, run

SMALL = {"owners": 10, "bidders": 8, "rounds": 3}


def test_gains_are_those_of_the_runs_it_leaves(tmp_path):
    out = tmp_path / "out"
    answer = run(out=out, progress=False, fields=SMALL, repetitions=1, workers=Workers(1))
    rows = answer.figures["splits"]
    assert [(row["auction"], row["names"]) for row in rows] == [(a, n) for a in AUCTIONS for n in NAMES]
    trades = load_results(out / "sequential-menu-2-0").trades
    split = trades[trades["strategy"] == "identity-splitting"]
    assert rows[0]["gain"] == pytest.approx((split["misreport_gain"] / cost_at_own_budget(split)).mean())
    assert rows[0]["splits"] == len(split) > 0
    with pytest.raises(ValueError, match="field 'strategies' is what this study compares"):
        run(out=tmp_path / "other", progress=False, fields={"strategies": {"truthful": 1.0}})


def test_a_hair_is_neither_paid_nor_lost():
    """A gain of 1e-14 of 50 paid is rounding; one of 0.001 of her cost is none."""
    trade = {"seed": 0, "strategy": "identity-splitting", "own_cost": 20.0, "truthful_payment": 50.0, "payment": 50.0,
             "cost": 20.0}  # fmt: skip
    gains = {2.0: True, 0.02: True, -1.0: False, 1e-14: False}
    trades = pd.DataFrame([
        *({**trade, "misreport_gain": gain, "misreport_paid": paid} for gain, paid in gains.items()),
        {**trade, "misreport_gain": float("nan"), "misreport_paid": None},
    ])  # fmt: skip
    row = row_of("x", 2, StudyTables(MarketConfig(), rounds=trades, trades=trades))
    assert (row["splits"], row["best"]) == (4, 0.1)
    assert row["gain"].mean == pytest.approx((0.1 + 0.001 - 0.05) / 4)
    assert (row["paid"].mean, row["lost"].mean) == (2 / 4, 1 / 4)
