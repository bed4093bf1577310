"""Imitators, few and for few rounds."""

from __future__ import annotations

import pandas as pd
import pytest

from market_sim.campaign.workers import Workers
from scenarios.imitation_network import AUCTIONS, NETWORKS, row_of, run, sentence

SMALL = {"owners": 10, "bidders": 6, "rounds": 5}


def test_every_network_is_played_under_both_auctions(tmp_path):
    answer = run(out=tmp_path / "out", progress=False, fields=SMALL, repetitions=1, workers=Workers(1))
    rows = answer.figures["networks"]
    assert [(row["auction"], row["network"]) for row in rows] == [(a, n) for a in AUCTIONS for n in NETWORKS]
    assert all(0 <= row["ended"] <= 1 and row["runs"] == 1 for row in rows)
    assert (tmp_path / "out" / "imitation-network.png").stat().st_size <= 200_000
    with pytest.raises(ValueError, match="field 'network' is what this study compares"):
        run(out=tmp_path / "other", progress=False, fields={"network": "ring"})


def trades(seed: int, told: dict[int, list[bool]]) -> pd.DataFrame:
    rows = [
        {"seed": seed, "owner": owner, "round": turn, "truthful": truth}
        for owner, truths in told.items()
        for turn, truth in enumerate(truths)
    ]
    return pd.DataFrame(rows)


def test_everybody_counts_once_by_what_she_said_first_and_last():
    both = pd.concat(
        [
            trades(0, {1: [True, False, False], 2: [True, True, False]}),
            trades(1, {1: [False, True], 2: [True, True]}),
        ]
    )
    row = row_of("all-in", "ring", both)
    assert (row["began"].mean, row["ended"].mean, row["change"].mean) == (0.75, 0.5, -0.25)
    assert (row["survived"], row["died_out"], row["runs"]) == (1, 1, 2)
    assert "drifts to 0.50" in sentence("all-in", [row])
    assert sentence("all-in", [row]).endswith("of 2 runs it died out in 1 and took over in 1.")
