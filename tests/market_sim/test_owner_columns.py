"""Columns of one's own in a table of owners come back in the trades, whatever becomes of the run."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pytest

from market_sim import MarketConfig, load_results, run_market, verify

OWNERS = pd.DataFrame(
    {
        "family": ["linear"] * 6,
        "factor": [1.0] * 6,
        "privacy_budget": [1.0] * 6,
        "data_size": [20] * 6,
        "region": ["north", "south", None, "north", "south", "east"],
        "age": pd.array([31, 45, pd.NA, 20, 18, 77], dtype="Int64"),
        "since": [datetime.date(2020, 1, day) for day in range(1, 7)],
    }
)
MARKET = {"bidders": 4, "rounds": 2, "seed": 1}


def test_they_stand_beside_every_trade_of_their_owner(tmp_path):
    results = run_market(population=OWNERS, out=tmp_path / "run", **MARKET)
    trades = results.trades
    assert set(trades["region"].dropna()) <= {"north", "south", "east"}
    told = trades[["owner", "region", "age", "since"]].drop_duplicates().set_index("owner").sort_index()
    for owner, row in told.iterrows():
        assert row["since"] == f"2020-01-0{owner + 1}"
        assert (row["age"] == OWNERS["age"][owner]) or (pd.isna(row["age"]) and owner == 2)
    again = load_results(tmp_path / "run")
    pd.testing.assert_frame_equal(again.trades, trades)
    again.save(tmp_path / "copy")
    pd.testing.assert_frame_equal(load_results(tmp_path / "copy").trades, trades)
    assert verify(tmp_path / "run").ok


def test_a_file_gives_the_same_as_the_table(tmp_path):
    OWNERS.to_csv(tmp_path / "owners.csv", index=False)
    by_file = run_market(population=tmp_path / "owners.csv", **MARKET).trades
    pd.testing.assert_frame_equal(by_file, run_market(population=OWNERS, **MARKET).trades)


def test_edited_they_are_not_saved_as_the_run(tmp_path):
    results = run_market(population=OWNERS, **MARKET)
    edited = dataclasses.replace(results, trades=results.trades.assign(region="west"))
    with pytest.raises(ValueError, match="column 'region': it no longer says what the table of owners did"):
        edited.save(tmp_path / "run")


@pytest.mark.parametrize("name", ["strategy", "payment", "seed", "misreport_gain"])
def test_a_name_that_the_trades_have_is_refused(name):
    with pytest.raises(ValueError, match=f"population handed over, column '{name}': the trades have a column of that"):
        MarketConfig(population=OWNERS.rename(columns={"region": name}))


def test_whatever_means_missing_is_missing_and_a_list_is_no_cell():
    missing = [None, float("nan"), pd.NA, pd.NaT, np.float32("nan"), "x"]
    config = MarketConfig(bidders=4, population=OWNERS.assign(region=pd.Series(missing, dtype=object)))
    assert config.owner_columns()["region"] == [None] * 5 + ["x"]
    rows = OWNERS.assign(region=[[1, 2]] * 6)
    with pytest.raises(TypeError, match=r"population, owner 0, column 'region' = \[1, 2\]: pass one number or word"):
        MarketConfig(population=rows)
