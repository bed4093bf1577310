"""`market-sim export`: the tables of a run as CSV."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from typer.testing import CliRunner

from market_sim import run_market
from market_sim.tables import TABLES
from scenarios.commands.cli import app


@pytest.fixture
def run(tmp_path: Path) -> Path:
    shares = {"truthful": 0.5, "scaled-valuation": 0.5}
    run_market(owners=6, bidders=4, rounds=2, task="synthetic", strategies=shares, seed=0, out=tmp_path / "run")
    return tmp_path / "run"


def test_every_table_is_a_csv_file_of_the_same_values(run: Path) -> None:
    for _ in range(2):  # an earlier export is replaced
        done = CliRunner().invoke(app, ["export", str(run)])
        assert done.exit_code == 0, done.stderr
    for name, schema in TABLES.items():
        as_typed = csv.ConvertOptions(column_types=schema, strings_can_be_null=True)
        back = csv.read_csv(run.with_name("run-csv") / f"{name}.csv", convert_options=as_typed)
        assert back.equals(pq.read_table(run / f"{name}.parquet").replace_schema_metadata(None)), name


def test_what_holds_something_else_is_not_overwritten(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    done = CliRunner().invoke(app, ["export", str(run), "--out", str(tmp_path / "mine")])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "holds something else (notes.txt)" in done.stderr


def test_a_home_directory_is_written_with_a_tilde(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["export", "~/run", "--out=~/there"])
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "there" / "trades.csv").exists()
