"""Buyers with wallets and owners with allowances, few and for few rounds."""

from __future__ import annotations

import pandas as pd
import pytest

from market_sim import MarketConfig, load_results
from market_sim.campaign.workers import Workers
from scenarios.commands.study import StudyTables
from scenarios.market_of_buyers import lifetime_rows, run

SMALL = {
    "owners": 20,
    "bidders": 4,
    "rounds": 5,
    "wallet": 20.0,
    "lifetime_allowance": 1.0,
    "task": "synthetic",
    "task_options": {"records": 600, "features": 2},
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("buyers") / "out"
    return out, run(seed=0, out=out, progress=False, fields=SMALL, repetitions=1, workers=Workers(1))


def test_one_and_three_buyers_with_and_without_allowances(played):
    out, answer = played
    assert [row["market"] for row in answer.figures["markets"]] == [
        "1 buyer, no allowance",
        "1 buyer, allowance 1",
        "3 buyers, no allowance",
        "3 buyers, allowance 1",
    ]
    assert len(answer.figures["sentences"]) == 8
    rounds = load_results(out / "3-buyers-allowance-1-honest-0").rounds
    row = answer.figures["markets"][3]
    assert row["sales"] == rounds["sellers"].sum() / 3
    assert row["spent"] == pytest.approx(rounds["spent"].sum() / 3)


def test_no_allowance_is_exceeded_and_no_wallet_overdrawn(played):
    out, _ = played
    limited = load_results(out / "3-buyers-allowance-1-lying-0")
    assert limited.trades["privacy_spent"].max() <= 1.0
    assert limited.trades.groupby("owner")["privacy_loss"].sum().max() <= 1.0


def test_a_lifetime_by_hand():
    """The liar earns 6 in all where honesty brought her 4; in her rounds the truth would have brought 5 and 3."""

    def table(utilities, truths):
        rows = [
            {"seed": 0, "owner": 1, "strategy": "scaled-valuation", "utility": misreport, "truthful_utility": truth}
            for misreport, truth in zip(utilities, truths, strict=True)
        ]
        honest = {"seed": 0, "owner": 2, "strategy": "truthful", "utility": 9.0, "truthful_utility": 9.0}
        return StudyTables(MarketConfig(), rounds=pd.DataFrame(), trades=pd.DataFrame([*rows, honest]))

    (row,) = lifetime_rows("x", table([4.0, 2.0], [5.0, 3.0]), table([4.0], [4.0]))
    assert (row["strategy"], row["deviators"]) == ("scaled-valuation", 1)
    assert (row["lifetime_gain"].mean, row["one_round_gain"].mean) == (0.5, -0.25)
