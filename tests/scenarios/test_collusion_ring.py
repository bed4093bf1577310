"""Rings, few and for few rounds: a member's gain is over the same owner in the honest market."""

from __future__ import annotations

import pandas as pd
import pytest

from market_sim import load_results
from market_sim.campaign.workers import Workers
from scenarios.collusion_ring import AUCTIONS, SHARES, paired, run

SMALL = {"owners": 12, "bidders": 8, "rounds": 3}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("rings") / "out"
    return out, run(seed=0, out=out, progress=False, fields=SMALL, repetitions=1, workers=Workers(1))


def test_every_share_of_colluders_is_played_under_every_auction(played):
    _, answer = played
    found = [(row["auction"], row["colluding"]) for row in answer.figures["rings"]]
    assert found == [(auction, f"{100 * share:.0f} %") for auction in AUCTIONS for share in SHARES]
    assert len(answer.figures["sentences"]) == len(AUCTIONS)


def test_gains_are_those_of_the_runs_it_leaves(played):
    out, answer = played
    ring, honest = (load_results(out / f"sequential-menu-{name}-0").trades for name in ("1", "honest"))
    assert ring["owner"].equals(honest["owner"])
    assert ring["privacy_budget"].equals(honest["privacy_budget"])
    together = paired(ring.assign(seed=0), honest.assign(seed=0))
    row = next(row for row in answer.figures["rings"] if row["colluding"] == "100 %")
    assert row["member_gain"] == pytest.approx(together["gain"].mean())
    assert row["others_gain"] is None or row["others_gain"] != row["others_gain"]


def test_a_gain_by_hand():
    """Utility 5 and 3 of side payments where honesty brought 4, by an owner whose 10 records cost 2 each."""
    trade = {"seed": 0, "round": 1, "buyer": 0, "owner": 7, "own_cost": 20.0, "utility": 5.0, "transfer": 3.0}
    honest = {**trade, "utility": 4.0, "transfer": 0.0}
    (gain,) = paired(pd.DataFrame([trade]), pd.DataFrame([honest]))["gain"]
    assert gain == 4.0 / 20.0
