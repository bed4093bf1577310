"""Whole runs: repeatable to the bit, written completely, interrupted cleanly."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import market_sim.model
from market_sim import FLMarket, MarketConfig, load_results, run_market

CONFIG = MarketConfig(
    owners=30, bidders=6, rounds=3, strategies={"truthful": 0.5, "scaled-valuation": 0.2, "random-misreport": 0.3}
)


def sha256(directory: Path) -> list[str]:
    return [
        hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in ("rounds.parquet", "trades.parquet")
    ]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_market(CONFIG, seed=seed, out=tmp_path / name)
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")
    assert sha256(tmp_path / "a") != sha256(tmp_path / "c")


def test_what_is_written_is_what_is_returned(tmp_path: Path) -> None:
    returned = run_market(CONFIG, seed=1, out=tmp_path / "run")
    read = load_results(tmp_path / "run")
    pd.testing.assert_frame_equal(read.rounds, returned.rounds)
    pd.testing.assert_frame_equal(read.trades, returned.trades)
    assert read.config == returned.config


def test_the_manifest_repeats_the_run(tmp_path: Path) -> None:
    first = run_market(CONFIG, seed=1, out=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "config.json").read_text())
    assert manifest["interrupted"] is False
    assert manifest["rounds_completed"] == 3
    assert manifest["versions"]["torch"]
    assert len(manifest["auction"]["checkpoint_sha256"]) == 64
    again = run_market(MarketConfig(**manifest["config"]), seed=manifest["seed"])
    pd.testing.assert_frame_equal(again.trades, first.trades)


def test_fields_override_the_config() -> None:
    assert run_market(CONFIG, rounds=1).rounds["round"].tolist() == [0]


def test_a_directory_with_other_content_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("began to work")

    monkeypatch.setattr("market_sim.run.FLMarket", work)
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        run_market(CONFIG, out=tmp_path)


def test_the_same_run_may_be_repeated_in_place_but_not_another(tmp_path: Path) -> None:
    for _ in range(2):
        run_market(CONFIG, seed=1, out=tmp_path / "run")
    with pytest.raises(FileExistsError, match="pass a new directory"):
        run_market(CONFIG, seed=2, out=tmp_path / "run")


class Interruption:
    """Presses Ctrl-C when a function is called for the n-th time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int) -> None:
        real, self.calls = getattr(owner, name), 0

        def pressed(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == call:
                signal.raise_signal(signal.SIGINT)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, pressed)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (market_sim.model.FLMarket, "_trade", 3),
        (market_sim.model.OwnerPopulation, "upload", 3),
        (market_sim.model, "trades_of", 3),
        (market_sim.model, "round_of", 3),
    ],
)
def test_an_interrupted_run_keeps_its_completed_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int
) -> None:
    whole = run_market(CONFIG, seed=1)
    Interruption(monkeypatch, owner, name, call)
    with pytest.raises(KeyboardInterrupt):
        run_market(CONFIG, seed=1, out=tmp_path / "run")
    kept = load_results(tmp_path / "run")
    assert kept.config["interrupted"] is True
    assert kept.config["rounds_completed"] == 2
    pd.testing.assert_frame_equal(kept.rounds, whole.rounds[whole.rounds["round"] < 2])
    pd.testing.assert_frame_equal(kept.trades, whole.trades[whole.trades["round"] < 2])
    monkeypatch.undo()
    run_market(CONFIG, seed=1, out=tmp_path / "run")
    assert load_results(tmp_path / "run").config["interrupted"] is False


def test_an_interrupted_run_without_a_directory_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Interruption(monkeypatch, FLMarket, "_trade", 2)
    with pytest.raises(KeyboardInterrupt):
        run_market(CONFIG)


def test_a_progress_bar_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    run_market(CONFIG, progress=True)
    assert "Rounds" in capsys.readouterr().err


def test_a_run_lets_go_of_its_model() -> None:
    from mesa import Agent

    before = len(getattr(Agent, "_ids", {}))
    run_market(CONFIG)
    assert len(getattr(Agent, "_ids", {})) == before
