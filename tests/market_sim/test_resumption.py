"""Runs that are stopped, in whatever way, and go on: the same bytes as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agents.messages import Bids
from agents.owner.strategies.base import Strategy
from agents.saved_state import load_state
from market_sim import FLMarket, MarketConfig, load_results, run_market
from market_sim.paired_run import play_paired_run

CONFIG = MarketConfig(
    owners=30,
    bidders=6,
    rounds=12,
    buyers=2,
    wallet=[4.0, 1000.0],
    lifetime_allowance=20.0,
    network="ring",
    strategies={
        "truthful": 0.2,
        "hedge": 0.2,
        "q-learning": 0.2,
        "fermi-imitation": 0.1,
        "collusion-ring": 0.1,
        "identity-splitting": 0.1,
        "prior-best-response": 0.1,
    },
)


def digests(directory: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(directory.iterdir())}


class PowerCutError(BaseException):
    """The process is gone: nothing that would still be done after it is done."""


def stop_in_round(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    play = FLMarket._play_round

    def stopped(self: FLMarket, *args: Any) -> Any:
        if self.round == number:
            raise error
        return play(self, *args)

    monkeypatch.setattr(FLMarket, "_play_round", stopped)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("whole") / "run"
    run_market(CONFIG, seed=4, out=out)
    return digests(out)


@pytest.mark.parametrize(
    ("every", "stop", "goes_on_from"),
    [
        pytest.param(1, 7, 7, marks=pytest.mark.slow_kills),
        (3, 7, 6),
        pytest.param(5, 4, 0, marks=pytest.mark.slow_kills),
    ],
)
def test_a_run_that_ended_without_a_word_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str], every: int, stop: int, goes_on_from: int
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_in_round(patch, stop, PowerCutError())
        with pytest.raises(PowerCutError):
            run_market(CONFIG, seed=4, out=out, checkpoint_rounds=every)
    played: list[int] = []
    play = FLMarket._play_round
    monkeypatch.setattr(FLMarket, "_play_round", lambda self, *args: (played.append(self.round), play(self, *args))[1])
    run_market(CONFIG, seed=4, out=out)
    assert min(played) == goes_on_from
    assert digests(out) == whole
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_an_interrupted_run_can_be_read_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_in_round(patch, 8, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt, match=r"the 8 completed rounds are in .*goes on from round 6"):
            run_market(CONFIG, seed=4, out=out, checkpoint_rounds=3)
    assert load_results(out).config["rounds_completed"] == 8
    run_market(CONFIG, seed=4, out=out)
    assert digests(out) == whole


def test_a_complete_run_is_read_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]
) -> None:
    run_market(CONFIG, seed=4, out=tmp_path / "run")
    stop_in_round(monkeypatch, 0, AssertionError("began to play"))
    assert len(run_market(CONFIG, seed=4, out=tmp_path / "run").rounds) == 24


def test_what_a_process_left_that_ended_just_after_its_last_file_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("market_sim.checkpoints.Checkpoints.remove", lambda self: None)
        run_market(CONFIG, seed=4, out=out, checkpoint_rounds=5)
        play_paired_run(load_results(out), out)
    unfinished = tmp_path / "run.unfinished"
    assert unfinished.is_dir()
    unfinished.rename(out / "truthful.unfinished")
    run_market(CONFIG, seed=4, out=out)
    play_paired_run(load_results(out), out)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert sorted(entry.name for entry in out.iterdir()) == sorted([*whole, "truthful"])


def test_the_files_do_not_depend_on_the_pieces_that_rows_came_in(tmp_path: Path, whole: dict[str, str]) -> None:
    run_market(CONFIG, seed=4, out=tmp_path / "run", checkpoint_rounds=1)
    assert digests(tmp_path / "run") == whole


def test_another_run_does_not_go_on_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stop_in_round(patch, 4, PowerCutError())
        with pytest.raises(PowerCutError):
            run_market(CONFIG, seed=4, out=tmp_path / "run", checkpoint_rounds=2)
    with pytest.raises(FileExistsError, match=r"holds another unfinished run \(seed = 4 there, 5 here\)"):
        run_market(CONFIG, seed=5, out=tmp_path / "run")


@pytest.mark.parametrize("damage", ["part", "state"])
def test_a_damaged_checkpoint_is_named_and_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    with monkeypatch.context() as patch:
        stop_in_round(patch, 4, PowerCutError())
        with pytest.raises(PowerCutError):
            run_market(CONFIG, seed=4, out=tmp_path / "run", checkpoint_rounds=2)
    unfinished = tmp_path / "run.unfinished"
    name = "state.safetensors" if damage == "state" else "000000002-trades.parquet"
    file = unfinished / name
    file.write_bytes(file.read_bytes()[:-7])
    before = digests(unfinished)
    with pytest.raises(ValueError, match=rf"{name}.*damaged.*remove .*run\.unfinished to start anew"):
        run_market(CONFIG, seed=4, out=tmp_path / "run")
    assert digests(unfinished) == before


class Forgetful(Strategy):
    """Bids more in every round, and does not say that it counts them."""

    name = "forgetful"

    def __init__(self, owners: int) -> None:
        super().__init__(owners)
        self.rounds = 0

    def bid(self, view: Any, types: Any, generator: Any) -> Bids:
        self.rounds += 1
        return types.truthful_bids().replace(valuation=types.valuation.scaled(1.0 + self.rounds * view.member * 0.0))


class Telling(Forgetful):
    """The same, but says so."""

    name = "telling"
    memory = ("rounds",)


def test_a_class_that_does_not_say_what_it_remembers_is_named_and_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fields: dict[str, Any] = {"owners": 8, "bidders": 4, "rounds": 6, "checkpoint_rounds": 2}
    for kind, begins in ((Forgetful, 0), (Telling, 4)):
        seen: list[tuple[int, int]] = []
        out = tmp_path / kind.name
        caplog.clear()
        with monkeypatch.context() as patch:
            stop_in_round(patch, 5, PowerCutError())
            with pytest.raises(PowerCutError):
                run_market(strategies={kind: 1.0}, out=out, **fields)
            patch.undo()
            bid = kind.bid
            patch.setattr(
                kind,
                "bid",
                lambda self, view, *rest, bid=bid, seen=seen: (
                    seen.append((view.announcement.round, self.rounds)),
                    bid(self, view, *rest),
                )[1],
            )
            run_market(strategies={kind: 1.0}, out=out, **fields)
        assert seen[0] == (begins, begins)
        assert (begins == 0) == ("this run cannot be resumed: strategy 'forgetful' (Forgetful)" in caplog.text)


class FailsInRoundThree(Strategy):
    name = "fails"
    memory = ()

    def bid(self, view: Any, types: Any, generator: Any) -> Bids:
        if view.announcement.round == 3:
            raise ZeroDivisionError("own mistake")
        return types.truthful_bids()


def test_what_fails_in_a_class_of_ones_own_is_named_and_the_finished_rounds_are_kept(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="own mistake") as failed:
        run_market(owners=6, bidders=6, rounds=5, strategies={FailsInRoundThree: 1.0}, out=tmp_path / "run")
    notes = " ".join(failed.value.__notes__)
    assert "strategy 'fails'" in notes
    assert "round 3" in notes
    assert "the 3 completed rounds are in" in notes
    assert len(load_results(tmp_path / "run").rounds) == 3


def test_a_full_disk_is_said_with_path_and_remedy_and_the_last_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import market_sim.row_store

    write = market_sim.row_store.write_table

    def full(file: Path, *rest: Any) -> None:
        if file.name.startswith("000000004"):
            raise OSError(28, "No space left on device", str(file))
        write(file, *rest)

    monkeypatch.setattr(market_sim.row_store, "write_table", full)
    with pytest.raises(OSError, match=r"run\.unfinished cannot be written \(No space left on device\); the 2 rounds"):
        run_market(CONFIG, seed=4, out=tmp_path / "run", checkpoint_rounds=2)
    assert load_state(tmp_path / "run.unfinished" / "state.safetensors")["market"]["round"] == 2


FIELDS: dict[str, Any] = {"owners": 12, "bidders": 4, "rounds": 30, "strategies": {"truthful": 0.5, "hedge": 0.5}}
COMMAND = [
    *("run", "market", "--set", "owners=12", "--set", "bidders=4", "--set", "rounds=30", "--seed", "3"),
    *("--strategy", "truthful=0.5", "--strategy", "hedge=0.5", "--checkpoint-rounds", "3"),
]


def tree(directory: Path) -> dict[str, str]:
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


def start(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scenarios.commands.cli", *COMMAND, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def kill_at(out: Path, wait_for: str, seconds: float) -> None:
    """Give the command and kill it so long after a file below its directory's parent is there."""
    process = start(out)
    while process.poll() is None and not list(out.parent.glob(wait_for)):
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def let_it_end(out: Path) -> dict[str, str]:
    process = start(out)
    said = process.communicate(timeout=1800)[1]
    assert process.returncode == 0, said
    return tree(out.parent)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from scenarios.market import run

    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(seed=3, out=out, progress=False, fields=FIELDS)
    return tree(out.parent)


def test_a_command_killed_in_mid_run_ends_in_the_same_bytes(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    kill_at(tmp_path / "run", "run.unfinished/state.safetensors", random.Random(0).uniform(0, 0.3))
    assert let_it_end(tmp_path / "run") == undisturbed


def test_sigterm_ends_a_run_as_ctrl_c_does(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    process = start(tmp_path / "run")
    while process.poll() is None and not (tmp_path / "run.unfinished" / "state.safetensors").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=1800)[1]
    if process.returncode != 0:  # It may have been faster.
        assert process.returncode == 130, said
        assert "market-sim: interrupted; " in said
    assert let_it_end(tmp_path / "run") == undisturbed


@pytest.mark.slow_kills
@pytest.mark.parametrize("seed", range(20))
def test_a_command_killed_again_and_again_ends_in_the_same_bytes(
    tmp_path: Path, undisturbed: dict[str, str], seed: int
) -> None:
    moments = random.Random(seed)
    for _ in range(3):
        where = moments.choice(["*", "run.unfinished/*", "run/config.json", "run/truthful.unfinished", ".run-*", "run"])
        kill_at(tmp_path / "run", where, moments.uniform(0, 0.7))
    assert let_it_end(tmp_path / "run") == undisturbed
