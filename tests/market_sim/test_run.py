"""Whole runs: repeatable to the bit, written completely, interrupted cleanly."""

from __future__ import annotations

import hashlib
import json
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import market_sim.model
from agents.broker.auctions.checkpoint import SHIPPED
from market_sim import FLMarket, MarketConfig, load_auction, load_results, run_market

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
    assert len(manifest["auction"]["checkpoint_sha256"]) == len(manifest["auction"]["network_sha256"]) == 64
    assert manifest["repeatable"] is True
    assert manifest["task"]["public"] is True
    assert "the mean image of MNIST" in manifest["task"]["knowledge"]
    assert "the mean of the owners' directions" in manifest["error_bound_meaning"]
    assert manifest["torch_threads"] == torch.get_num_threads()
    again = run_market(MarketConfig(**manifest["config"]), seed=manifest["seed"])
    pd.testing.assert_frame_equal(again.trades, first.trades)


def test_a_run_of_a_version_with_fewer_fields_is_known_again(tmp_path: Path) -> None:
    run_market(CONFIG, seed=1, out=tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    manifest = json.loads(file.read_text())
    for field in ("network", "network_options", "strategy_options", "population", "wallet"):
        del manifest["config"][field]
    file.write_text(json.dumps(manifest))
    assert load_results(tmp_path / "run").config["rounds_completed"] == 3
    run_market(CONFIG, seed=1, out=tmp_path / "run")
    with pytest.raises(FileExistsError):
        run_market(CONFIG, seed=1, out=tmp_path / "run", network="ring")


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


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("began to work")


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ("file/run", OSError, "file/run' cannot be written"),
        ("file", NotADirectoryError, "is a file; pass the name of a new directory"),
        ("", ValueError, "out = '' is empty"),
        (5, TypeError, "out = 5: pass the name of a directory"),
    ],
)
def test_an_impossible_directory_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: Any, error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("market_sim.run.FLMarket", never)
    with pytest.raises(error, match=message):
        run_market(CONFIG, out=out)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_another_checkpoint_at_the_same_path_is_noticed_before_the_first_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.safetensors"

    def place(name: str) -> None:
        for suffix in (".safetensors", ".json"):
            path.with_suffix(suffix).write_bytes((SHIPPED / f"{name}{suffix}").read_bytes())

    place("sequential-menu")
    run_market(CONFIG, auction=path, out=tmp_path / "run")
    place("sequential-menu-verified")
    monkeypatch.setattr(FLMarket, "step", never)
    with pytest.raises(FileExistsError, match="holds something else"):
        run_market(CONFIG, auction=path, out=tmp_path / "run")


def test_numpy_numbers_are_written_as_numbers(tmp_path: Path) -> None:
    run_market(CONFIG, seed=np.int64(1), owners=np.int64(30), learning_rate=np.float32(0.5), out=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (manifest["seed"], manifest["config"]["owners"], manifest["config"]["learning_rate"]) == (1, 30, 0.5)


def test_what_cannot_be_repeated_says_so(tmp_path: Path) -> None:
    own = run_market(CONFIG, auction=load_auction("sequential-menu"), rounds=1)
    assert own.config["repeatable"] is False
    assert own.config["auction"]["rule"] == "agents.broker.auctions.sequential_menu.SequentialMenu"
    exact = MarketConfig(**{**CONFIG.as_json(), "perturbation": "laplace", "noise_source": "opendp", "rounds": 1})
    pytest.importorskip("opendp")
    assert run_market(exact).config["repeatable"] is False


def test_the_files_that_data_were_read_from_are_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "0,tcp,http,SF," + ",".join(["{0}"] * 37) + ",{1},1\n"
    attacks = ("normal", "neptune", "satan", "spy", "perl")
    for name, many in (("KDDTrain+.txt", 60), ("KDDTrain+_20Percent.txt", 40), ("KDDTest+.txt", 10)):
        (tmp_path / name).write_text("".join(line.format(number % 7, attacks[number % 5]) for number in range(many)))
    monkeypatch.setenv("FL_MARKET_DATA", str(tmp_path))
    fields: dict[str, Any] = {"task": "nsl-kdd", "owners": 12, "rounds": 1}
    full, part = (run_market(CONFIG, **fields, task_options=options) for options in ({}, {"training": "20-percent"}))
    assert list(full.config["data_files"]) == ["KDDTrain+.txt", "KDDTest+.txt"]
    assert list(part.config["data_files"]) == ["KDDTrain+_20Percent.txt", "KDDTest+.txt"]
    for name, digest in part.config["data_files"].items():
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


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
        (market_sim.model.FLMarket, "_play_round", 3),
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
    assert len(kept.config["data_files"]) == 0
    assert kept.config["interrupted"] is True
    assert kept.config["rounds_completed"] == 2
    pd.testing.assert_frame_equal(kept.rounds, whole.rounds[whole.rounds["round"] < 2])
    pd.testing.assert_frame_equal(kept.trades, whole.trades[whole.trades["round"] < 2])
    monkeypatch.undo()
    run_market(CONFIG, seed=1, out=tmp_path / "run")
    assert load_results(tmp_path / "run").config["interrupted"] is False


def test_an_interruption_does_not_cost_a_complete_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_market(CONFIG, seed=1, out=tmp_path / "run")
    before = sha256(tmp_path / "run")
    monkeypatch.setattr("market_sim.run.is_complete", lambda *_: False)
    Interruption(monkeypatch, FLMarket, "_play_round", 2)
    with pytest.raises(KeyboardInterrupt, match=r"the 3 rounds that .*run held before are kept"):
        run_market(CONFIG, seed=1, out=tmp_path / "run")
    assert sha256(tmp_path / "run") == before
    assert load_results(tmp_path / "run").config == whole.config


def test_an_interrupted_run_without_a_directory_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Interruption(monkeypatch, FLMarket, "_play_round", 2)
    with pytest.raises(KeyboardInterrupt):
        run_market(CONFIG)


def test_without_a_terminal_a_line_now_and_then_says_how_far_it_is_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("market_sim.campaign.watch.EVERY", 0)
    run_market(CONFIG, progress=True)
    said = capsys.readouterr().err
    assert f"Rounds: {CONFIG.rounds} of {CONFIG.rounds}" in said
    run_market(CONFIG)
    assert capsys.readouterr().err == ""


PAPER = {"auction": "sequential-menu", "owners": 100, "bidders": 10, "rounds": 1}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, []),
        ({"auction": "all-in", "sizes": "equal"}, []),
        (
            {"budget_factor": (1e3, 2e4)},
            ["(budget_factor) between 0.1 and 2, this market's lies between 1000"],
        ),
        (
            {"sizes": "zipf", "budgets": "independent"},
            ["data sizes, this market's are zipf", "are independent"],
        ),
        ({"bidders": 80}, ["trained with 3 to 60 bidders a round, this market has 80"]),
        ({"auction": "ascending-menu", "bidders": 30, "sizes": "zipf", "budgets": "independent"}, []),
        (
            {"auction": "ascending-menu", "owners": 200, "bidders": 120, "privacy_budget": (0.25, 1)},
            [
                "a privacy_budget between 0.5 and 2",
                "trained with 1 to 13 or 21 to 100 bidders a round, this market has 120",
            ],
        ),
    ],
)
def test_a_market_outside_the_training_of_its_auction_says_so(fields: dict[str, Any], said: list[str]) -> None:
    market = {**PAPER, **fields}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sentences = run_market(**market).config["outside_training"]
    assert len(sentences) == len(said)
    for sentence, words in zip(sentences, said, strict=True):
        assert sentence.startswith(f"Auction '{market['auction']}' was trained")
        assert words in sentence


def test_shares_of_nobody_are_warned_of_and_written_down() -> None:
    with pytest.warns(UserWarning, match="nobody follows it"):
        run = run_market(owners=20, bidders=5, rounds=1, strategies={"truthful": 0.98, "hedge": 0.02})
    assert len(run.config["shares_of_nobody"]) == 1
