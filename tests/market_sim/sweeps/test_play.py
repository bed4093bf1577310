"""A sweep grows: what is there is not played again, and its bytes are those of a sweep that was played at once."""

from __future__ import annotations

import json

import pytest

from market_sim import load_sweep, run_market, sweep
from market_sim.campaign.engine import JobsFailedError
from market_sim.campaign.store import entries_in
from market_sim.sweeps.dataset import CAMPAIGN
from market_sim.tables import TABLES

SMALL = {
    "owners": 8,
    "bidders": 4,
    "rounds": 2,
    "task": "synthetic",
    "task_options": {"records": 400, "features": 3},
    "strategies": {"truthful": 0.5, "scaled-valuation": 0.5},
}
FILES = [*(f"{name}.parquet" for name in TABLES), "sweep.json"]


def played(out, auctions=("all-in", "sequential-menu"), seeds=2, **fields):
    return sweep(grid={"auction": list(auctions)}, seeds=seeds, jobs=1, out=out, **{**SMALL, **fields})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return played(tmp_path_factory.mktemp("sweeps") / "whole")


def test_a_grown_sweep_is_byte_for_byte_the_one_played_at_once(tmp_path, whole):
    played(tmp_path / "grown", ["sequential-menu"], 1)
    played(tmp_path / "grown", seeds=1)
    found = played(tmp_path / "grown")
    for name in FILES:
        assert (found.directory / name).read_bytes() == (whole.directory / name).read_bytes(), name
    entries = list(entries_in(tmp_path / "grown" / CAMPAIGN))
    assert len(entries) == len({entry.key for entry in entries}) == 4


def test_a_run_is_the_same_by_itself(whole):
    alone = run_market(seed=1, auction="all-in", **SMALL)
    rows = whole.frame("trades", "auction=all-in")
    rows = rows[rows["seed"] == 1].drop(columns=["cell", "seed"]).reset_index(drop=True)
    assert rows.equals(alone.trades)


def test_settings_are_paired_by_their_seeds(whole):
    bidders = whole.frame("trades", columns=["cell", "seed", "round", "owner", "privacy_budget"])
    one, other = (rows.drop(columns="cell").reset_index(drop=True) for _, rows in bidders.groupby("cell"))
    assert one.equals(other)


def test_what_is_there_is_described(whole):
    again = load_sweep(whole.directory)
    assert again.runs["key"].tolist() == [
        "auction=all-in,seed=0", "auction=all-in,seed=1", "auction=sequential-menu,seed=0",
        "auction=sequential-menu,seed=1",
    ]  # fmt: skip
    assert again.seeds == [0, 1]
    assert again.runs["auction"].tolist() == ["all-in", "all-in", "sequential-menu", "sequential-menu"]
    with pytest.raises(ValueError, match="known: rounds"):
        again.dataset("round")


def test_another_sweep_is_not_mixed_with_it(whole):
    with pytest.raises(FileExistsError, match=r"begun with other config\.rounds"):
        played(whole.directory, rounds=3)
    with pytest.raises(FileExistsError, match=r"begun with other .*varied"):
        sweep(grid={"budget_factor": [0.1]}, seeds=1, jobs=1, out=whole.directory, **SMALL)


def test_foreign_and_unfinished_directories_are_refused(tmp_path, whole):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds something else \(notes\.txt\)"):
        played(tmp_path / "foreign")
    with pytest.raises(FileNotFoundError, match="holds no sweep"):
        load_sweep(tmp_path / "foreign")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / CAMPAIGN).mkdir()
    with pytest.raises(ValueError, match="not complete"):
        load_sweep(copy)
    (copy / "sweep.json").write_text(json.dumps({"format": "fl-market sweep 0"}))
    with pytest.raises(ValueError, match="this version reads 'fl-market sweep 1'"):
        load_sweep(copy)


def test_a_cell_that_fails_is_named_and_the_others_are_kept(tmp_path):
    fields = {name: value for name, value in SMALL.items() if name != "owners"}
    with pytest.raises(JobsFailedError, match=r"1 of 2 failed: owners=500,seed=0: .*records to distribute"):
        sweep(grid={"owners": [8, 500]}, seeds=1, jobs=1, out=tmp_path / "s", **fields)
    done = [entry.key for entry in entries_in(tmp_path / "s" / CAMPAIGN) if entry.status == "done"]
    assert done == ["owners=8,seed=0"]
