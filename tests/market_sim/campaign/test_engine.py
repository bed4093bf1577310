"""A campaign plays every job once, in whatever way it is stopped, and its tables depend on the jobs alone."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from market_sim.campaign.engine import JobsFailedError, run_campaign
from market_sim.campaign.job import Job, in_order, pickled
from market_sim.campaign.store import entries_in
from market_sim.campaign.workers import Workers
from tests.market_sim.campaign.jobs import campaign, joined, played
from tests.market_sim.campaign.work import dies, refuses_three

HOUSE = Path(__file__).parents[3]


def test_tables_are_in_the_order_of_the_keys_and_figures_are_as_they_were(tmp_path):
    found = campaign(tmp_path / "c")
    assert list(found.entries) == [f"number={number}" for number in range(12)]
    assert found.figures("number=4") == {"bound": 4 / 3}
    assert math.isinf(found.figures("number=3")["bound"])
    assert found.frame("number=6", "squares")["value"].tolist() == [6 / 7, 6 / 7 + 1]


def test_neither_processes_nor_an_interruption_change_a_byte(tmp_path):
    whole = joined(campaign(tmp_path / "one"), tmp_path / "one.parquet")
    campaign(tmp_path / "two", count=5)
    found = campaign(tmp_path / "two", jobs=2)
    assert joined(found, tmp_path / "two.parquet") == whole
    assert played(tmp_path / "two.log") == list(range(12))


def test_what_is_done_is_read_and_not_played(tmp_path):
    campaign(tmp_path / "c")
    again = campaign(tmp_path / "c", count=14)
    assert len(again.entries) == 14
    assert played(tmp_path / "c.log") == list(range(14))


def test_a_failing_job_is_played_twice_and_stops_no_other(tmp_path):
    with pytest.raises(JobsFailedError, match=r"1 of 12 failed: number=3: ValueError: three is too many.*goes on"):
        campaign(tmp_path / "c", refuses_three)
    failed = [entry for entry in entries_in(tmp_path / "c") if entry.status == "failed"]
    assert [entry.attempt for entry in failed] == [1, 2]
    assert "three is too many" in failed[0].error
    assert failed[0].input.startswith("(3, ")
    assert played(tmp_path / "c.log") == [0, 1, 2, *range(4, 12)]
    assert campaign(tmp_path / "c").figures("number=3")
    assert played(tmp_path / "c.log") == list(range(12))


def test_another_campaign_is_not_gone_on_with(tmp_path):
    campaign(tmp_path / "c")
    path = tmp_path / "c" / "campaign.json"
    there = json.loads(path.read_text())
    there["identity"]["environment"]["numpy"] = "0.1"
    path.write_text(json.dumps(there))
    with pytest.raises(FileExistsError, match=r"begun with other environment\.numpy"):
        campaign(tmp_path / "c")


def test_a_campaign_of_an_older_format_is_named(tmp_path):
    campaign(tmp_path / "c", count=1)
    file = tmp_path / "c" / "campaign.json"
    file.write_text(file.read_text().replace("fl-market campaign 1", "fl-market campaign 0"))
    with pytest.raises(FileExistsError, match="is of format 'fl-market campaign 0'; this version reads 'fl-market ca"):
        campaign(tmp_path / "c", count=1)


def test_two_jobs_of_one_key_and_what_cannot_be_sent_are_refused_before_the_first(tmp_path):
    twice = [Job("number=0", played), Job("number=0", played)]
    with pytest.raises(ValueError, match="two jobs have the key 'number=0'"):
        run_campaign(twice, tmp_path / "d", identity={})
    with pytest.raises(TypeError, match=r"job 'a' cannot be sent .* jobs = 1"):
        pickled(Job("a", print, (sys._getframe(),)), by_value=False)


def test_keys_with_numbers_are_sorted_by_their_value():
    assert in_order(["seed=10", "seed=9", "b,seed=1", "a=0.5", "a=0.10"]) == [
        "a=0.5", "a=0.10", "b,seed=1", "seed=9", "seed=10",
    ]  # fmt: skip


def test_a_line_that_was_cut_off_is_played_again(tmp_path):
    campaign(tmp_path / "c")
    (log,) = (tmp_path / "c" / "manifest").glob("*.jsonl")
    log.write_bytes(log.read_bytes()[:-20])
    assert len(campaign(tmp_path / "c").entries) == 12
    assert len(played(tmp_path / "c.log")) == 13


@pytest.mark.parametrize("damage", [lambda whole: whole[:-3], lambda whole: whole[:9] + b"!" + whole[10:], None])
def test_a_part_that_is_damaged_or_gone_is_played_again(tmp_path, damage):
    whole = joined(campaign(tmp_path / "c"), tmp_path / "whole.parquet")
    (part,) = (tmp_path / "c" / "parts").iterdir()
    part.unlink() if damage is None else part.write_bytes(damage(part.read_bytes()))
    assert joined(campaign(tmp_path / "c"), tmp_path / "again.parquet") == whole
    assert len(played(tmp_path / "c.log")) == (24 if damage is None else 13)


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_is_killed_is_named_and_loses_no_other_job(tmp_path, capfd, deaths):
    if deaths == 2:
        with pytest.raises(JobsFailedError, match=r"number=2: its process was killed twice, as .* memory"):
            campaign(tmp_path / "c", dies, count=5, jobs=2, arguments=(deaths,))
    else:
        found = campaign(tmp_path / "c", dies, count=5, jobs=2, arguments=(deaths,))
        assert len(found.entries) == 5
    said = capfd.readouterr().err
    assert "A worker was killed, as the system does when memory runs out" in said
    assert "it goes on" in said
    assert "number=2" in said
    assert set(played(tmp_path / "c.log")) | {2} == set(range(5))


def test_whatever_is_killed_with_minus_nine_is_gone_on_with(tmp_path):
    """Fast sample: the parent is killed twice; `-m slow_kills` does it at many moments."""
    killed_at_random(tmp_path, moments=2, jobs=2)


@pytest.mark.slow_kills
def test_a_parent_is_killed_at_many_moments(tmp_path):
    for jobs in (1, 2):
        (tmp_path / str(jobs)).mkdir()
        killed_at_random(tmp_path / str(jobs), moments=10, jobs=jobs)


def killed_at_random(folder: Path, *, moments: int, jobs: int) -> None:
    count, draw = 30, random.Random(moments)
    for _ in range(moments):
        process = start(folder / "c", count, jobs)
        while not played(folder / "c.log") and process.poll() is None:
            time.sleep(0.05)
        time.sleep(draw.uniform(0.0, 1.0))
        workers = children(process.pid)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 20
        while any(map(alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(map(alive, workers))
    done = [entry.key for entry in entries_in(folder / "c")]
    assert len(done) == len(set(done))
    before = played(folder / "c.log")
    found = campaign(folder / "c", count=count)
    assert joined(found, folder / "c.parquet") == joined(campaign(folder / "w", count=count), folder / "w.parquet")
    again = [number for number in range(count) if played(folder / "c.log").count(number) > before.count(number)]
    assert not {f"number={number}" for number in again} & set(done)


def test_sigterm_ends_like_ctrl_c_and_takes_the_workers_along(tmp_path):
    process = start(tmp_path / "c", 200, 2)
    while not played(tmp_path / "c.log"):
        assert process.poll() is None
        time.sleep(0.05)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert "KeyboardInterrupt" in said
    assert "of 200 are kept in" in said
    assert not any(map(alive, workers))


def test_jobs_and_cluster_are_checked():
    with pytest.raises(ValueError, match="jobs = 0"):
        Workers(0)
    with pytest.raises(ValueError, match="both given"):
        Workers(2, "tcp://127.0.0.1:8786")
    with pytest.raises(ValueError, match="neither an address nor a file"):
        Workers(cluster="nowhere")


def start(directory: Path, count: int, jobs: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.market_sim.campaign.jobs", str(directory), str(count), str(jobs), "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    return subprocess.Popen(words, cwd=HOUSE, env=environment, stderr=subprocess.PIPE, text=True)


def children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"PPid:\t{parent}\n" in status.read_text() and "LokyProcess" in (status.parent / "cmdline").read_text():
                found.append(int(status.parent.name))
        except OSError:
            continue
    return found


def alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
