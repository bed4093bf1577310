"""The same market and seed with everybody telling the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

from agents.broker.auctions.all_in import AllIn
from agents.owner.strategies.truthful import Truthful
from market_sim import MarketConfig, load_results, run_market
from market_sim.paired_run import NotPlayedError, paired_rounds, play_paired_run, truthful_twin
from market_sim.results import PAIRED_RUN, Results

LIARS = MarketConfig(owners=12, bidders=6, rounds=3, auction="all-in", strategies={"scaled-valuation": 1.0})


def test_it_is_the_same_market_with_the_same_owners_and_the_truth(tmp_path: Path) -> None:
    run = run_market(LIARS, seed=5, out=tmp_path / "run")
    twin = play_paired_run(run, tmp_path / "run")
    truth = run_market(truthful_twin(LIARS), seed=5)
    pd.testing.assert_frame_equal(twin.rounds, truth.rounds)
    assert twin.trades["truthful"].all()
    assert twin.trades["owner"].tolist() == run.trades["owner"].tolist()
    # The first round starts from the same model: what it would be with the truth is what the twin's is.
    assert run.rounds["truthful_error_bound"][0] == pytest.approx(twin.rounds["error_bound"][0])


def test_it_is_kept_beside_the_run_and_played_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_market(LIARS, out=tmp_path / "run")
    first = play_paired_run(run, tmp_path / "run")
    pd.testing.assert_frame_equal(load_results(tmp_path / "run" / PAIRED_RUN).rounds, first.rounds)

    def refused(*_: object, **__: object) -> Results:
        raise AssertionError("played again")

    monkeypatch.setattr("market_sim.paired_run.run_market", refused)
    pd.testing.assert_frame_equal(play_paired_run(run, tmp_path / "run").rounds, first.rounds)
    monkeypatch.undo()
    run_market(LIARS, out=tmp_path / "run")


def test_an_honest_market_is_its_own_paired_run() -> None:
    run = run_market(truthful_twin(LIARS))
    assert play_paired_run(run) is run


def test_an_interrupted_run_is_compared_over_the_rounds_it_has() -> None:
    run = run_market(LIARS)
    cut = Results(run.rounds.head(2), run.trades, {**run.config, "rounds_completed": 2})
    assert paired_rounds(cut, play_paired_run(cut))["round"].tolist() == [0, 1]


class Mine(Truthful):
    name: ClassVar[str] = "mine"


class MyAuction(AllIn):
    name: ClassVar[str] = "my-auction"


def test_a_strategy_of_ones_own_has_a_paired_run_but_not_an_auction_of_ones_own() -> None:
    mine = run_market(LIARS, strategies={Mine: 1.0})
    assert len(play_paired_run(mine).rounds) == 3
    with pytest.raises(NotPlayedError, match="my-auction"):
        play_paired_run(run_market(LIARS, auction=MyAuction()))


def test_what_changed_since_is_noticed(tmp_path: Path) -> None:
    run_market(LIARS, out=tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    content = json.loads(file.read_text())
    content["auction"]["rule"] = "somewhere.AllIn"
    file.write_text(json.dumps(content))
    with pytest.raises(NotPlayedError, match="auction changed"):
        play_paired_run(load_results(tmp_path / "run"), tmp_path / "run")
