"""Run directories: complete or absent, read back as written, never overwritten by accident."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market_sim.parquet import ROWS_A_GROUP, read_pieces, write_table
from market_sim.results import FORMAT, ROUNDS, TRADES, Results, load_results

CONFIG = {
    "format": FORMAT,
    "seed": 1,
    "config": {"owners": 3},
    "auction": {"name": "all-in"},
    "rounds_completed": 1,
    "interrupted": False,
}


def results(config: dict[str, object] = CONFIG, gain: float = 0.5) -> Results:
    rounds = {name: [_value(str(kind), name)] for name, kind in zip(ROUNDS.names, ROUNDS.types, strict=True)}
    rounds["error_bound"] = [float("inf")]
    rounds["misreport_gain_mean"] = [None]
    rounds["bidders"] = [2]
    trades = {name: [_value(str(kind), name)] * 2 for name, kind in zip(TRADES.names, TRADES.types, strict=True)}
    trades["family"] = [None, "linear"]
    trades["misreport_gain"] = [gain] * 2
    return Results.of({"rounds": rounds, "trades": trades}, config)


def _value(kind: str, name: str) -> object:
    return {"int64": 7, "double": 0.5, "string": name, "bool": True}[kind]


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written = results()
    written.save(tmp_path / "run")
    read = load_results(tmp_path / "run")
    pd.testing.assert_frame_equal(read.rounds, written.rounds)
    pd.testing.assert_frame_equal(read.trades, written.trades)
    assert read.config == CONFIG


def test_every_column_has_its_type_and_what_is_missing_differs_from_infinite() -> None:
    made = results()
    assert list(made.rounds.columns) == ROUNDS.names
    assert list(made.trades.columns) == TRADES.names
    assert made.rounds["round"].dtype == "int64"
    assert made.rounds["error_bound"].dtype == "float64"
    assert made.rounds["invalid"].dtype == "bool"
    assert made.rounds["error_bound"][0] == float("inf")
    assert made.rounds["misreport_gain_mean"].isna().all()
    assert made.trades["family"].isna().tolist() == [True, False]


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    for run in ("a", "b"):
        results().save(tmp_path / run)
    for file in ("rounds.parquet", "trades.parquet"):
        assert sha256(tmp_path / "a" / file) == sha256(tmp_path / "b" / file)
    assert pq.read_schema(tmp_path / "a" / "trades.parquet").metadata is None


def test_only_the_tables_and_the_configuration_are_left(tmp_path: Path) -> None:
    results().save(tmp_path / "deep" / "run")
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["run"]
    assert sorted(entry.name for entry in (tmp_path / "deep" / "run").iterdir()) == [
        "config.json",
        "confusion.parquet",
        "curves.parquet",
        "groups.parquet",
        "identities.parquet",
        "rounds.parquet",
        "trades.parquet",
    ]


def test_an_empty_directory_and_the_same_run_may_be_written_to(tmp_path: Path) -> None:
    results().save(tmp_path)
    results().save(tmp_path)
    assert load_results(tmp_path).config == CONFIG


@pytest.mark.parametrize("config", [{**CONFIG, "seed": 2}, {**CONFIG, "auction": {"name": "other"}}])
def test_another_run_is_not_overwritten(tmp_path: Path, config: dict[str, object]) -> None:
    results().save(tmp_path / "run")
    with pytest.raises(FileExistsError, match="pass a new directory or remove this one first"):
        results(config).save(tmp_path / "run")
    assert load_results(tmp_path / "run").config == CONFIG


def test_a_foreign_directory_or_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"holds something else \(thesis.tex\)"):
        results().save(tmp_path)
    with pytest.raises(NotADirectoryError, match="is a file"):
        results().save(tmp_path / "thesis.tex")
    (tmp_path / "config.json").write_text(json.dumps({"format": "somebody else's"}))
    with pytest.raises(FileExistsError):
        results().save(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agents.files.json.dumps", interrupt)
    with pytest.raises(KeyboardInterrupt):
        results().save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_exchange_keeps_the_old_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results().save(tmp_path / "run")
    move = os.replace

    def fail_once(source: Path, target: Path) -> None:
        if Path(source).name == "new":
            raise OSError("disk full")
        move(source, target)

    monkeypatch.setattr("market_sim.directory._exchanged", lambda *_: False)
    monkeypatch.setattr("market_sim.directory.os.replace", fail_once)
    with pytest.raises(OSError, match="disk full"):
        results().save(tmp_path / "run")
    assert load_results(tmp_path / "run").config == CONFIG


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda trades: trades.assign(mine=1), r"'trades' has columns of its own: mine; save the tables as the run"),
        (lambda trades: trades.head(1), r"'trades' has 1 rows of round 7, buyer 7, which had 2 bidders"),
        (lambda trades: trades.assign(round=8), r"'trades' has 0 rows of round 7"),
        (lambda trades: trades.drop(columns="payment"), r"'trades' lacks payment"),
        (lambda trades: trades.assign(payment="much"), r"'trades' holds values of another type"),
    ],
)
def test_tables_that_were_edited_are_not_saved_as_a_run(tmp_path: Path, edit: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(results(), trades=edit(results().trades)).save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:-9], r"config\.json is damaged: .*line \d+ column \d+"),
        (lambda text: "[" * 100_000, r"config\.json is damaged: it is nested too deeply"),
        (
            lambda text: text.replace('"seed": 1', '"seed": "one"'),
            r"field 'seed': input should be a valid",
        ),
        (lambda text: text.replace('"seed": 1,', ""), r"config\.json: field 'seed': field required"),
        (lambda text: text.replace('"name": "all-in"', '"name": 3'), r"config\.json: field 'auction\.name'"),
        (lambda text: text.replace('"rounds_completed": 1', '"rounds_completed": -1'), r"field 'rounds_completed'"),
        (lambda text: text.replace(FORMAT, "fl-market run 1"), r"run of format 1; this version reads \d+"),
    ],
)
def test_a_damaged_or_older_config_is_refused_with_file_and_field(tmp_path: Path, damage: Any, said: str) -> None:
    from market_sim.verification.recorded import RecordedRun

    results().save(tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    file.write_text(damage(file.read_text()))
    for read in (load_results, RecordedRun.read):
        with pytest.raises(ValueError, match=said):
            read(tmp_path / "run")


def test_the_same_rows_in_other_pieces_are_the_same_bytes(tmp_path: Path) -> None:
    schema = pa.schema([("number", pa.int64()), ("name", pa.string())])
    numbers = range(2 * ROWS_A_GROUP + 5)
    table = pa.table({"number": numbers, "name": [f"name {number % 7}" for number in numbers]}, schema=schema)
    for index, cuts in enumerate([(), (1, 2, 70_000), (ROWS_A_GROUP, 2 * ROWS_A_GROUP), (90_000, 131_072, 131_077)]):
        borders = [0, *cuts, len(table)]
        pieces = [table.slice(start, end - start) for start, end in itertools.pairwise(borders)]
        write_table(tmp_path / str(index), schema, pieces)
    assert len({sha256(file) for file in tmp_path.iterdir()}) == 1
    assert pa.concat_tables(read_pieces(tmp_path / "0")) == table
    assert pq.read_metadata(tmp_path / "0").num_row_groups == 3


def test_an_exchange_leaves_no_moment_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results().save(tmp_path / "run")
    move = os.replace

    def only_files(source: Path, target: Path) -> None:
        assert not Path(source).is_dir(), "moved the old run away"
        move(source, target)

    monkeypatch.setattr("os.replace", only_files)
    results(gain=1.5).save(tmp_path / "run")
    assert load_results(tmp_path / "run").trades["misreport_gain"].tolist() == [1.5, 1.5]


def test_what_a_dead_process_left_is_swept_and_what_it_had_moved_aside_comes_back(tmp_path: Path) -> None:
    from market_sim.directory import _host, prepare

    alive, dead = (tmp_path / f".run-{_host()}-{number}-abc" for number in (os.getpid(), 2**22 + 1))
    for scratch in (alive, dead):
        (scratch / "old").mkdir(parents=True)
        (scratch / "old" / "file").write_text(scratch.name)
    prepare(tmp_path / "run")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [alive.name, "run"]
    assert (tmp_path / "run" / "file").read_text() == dead.name


def test_what_is_no_run_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist; pass the directory that a run was written to"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="does not hold a run"):
        load_results(tmp_path)
    results().save(tmp_path / "run")
    (tmp_path / "run" / "trades.parquet").write_bytes(b"not a table")
    with pytest.raises(ValueError, match=r"trades.parquet cannot be read"):
        load_results(tmp_path / "run")
    pq.write_table(pq.read_table(tmp_path / "run" / "rounds.parquet"), tmp_path / "run" / "trades.parquet")
    with pytest.raises(ValueError, match="other columns"):
        load_results(tmp_path / "run")
    (tmp_path / "run" / "trades.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks trades.parquet"):
        load_results(tmp_path / "run")


def test_tables_of_another_run_or_kind_are_not_loaded(tmp_path: Path) -> None:
    run, other = results().save(tmp_path / "run"), results(gain=0.25).save(tmp_path / "other")
    (run / "trades.parquet").write_bytes((other / "trades.parquet").read_bytes())
    with pytest.raises(ValueError, match=r"trades\.parquet is not the file that this run wrote"):
        load_results(run)
    table = pq.read_table(run / "rounds.parquet")
    budget = table.schema.get_field_index("budget")
    pq.write_table(table.set_column(budget, "budget", [["0.5"]]), run / "rounds.parquet")
    with pytest.raises(ValueError, match="column 'budget' is string instead of double"):
        load_results(run)


def test_more_rounds_of_the_same_run_are_not_replaced_by_fewer(tmp_path: Path) -> None:
    def of_rounds(count: int) -> Results:
        one = results({**CONFIG, "rounds_completed": count})
        tables = {
            name: pd.concat([getattr(one, name).assign(round=number) for number in range(count)], ignore_index=True)
            for name in ("rounds", "trades")
        }
        return replace(one, **tables)

    of_rounds(3).save(tmp_path / "run")
    with pytest.raises(FileExistsError, match="holds 3 rounds of this run, these results only 2"):
        of_rounds(2).save(tmp_path / "run")
    assert load_results(tmp_path / "run").config["rounds_completed"] == 3
    with pytest.raises(ValueError, match="'rounds' has 2 rounds of 3"):
        replace(of_rounds(2), config={**CONFIG, "rounds_completed": 3}).save(tmp_path / "other")


@pytest.mark.parametrize(("directory", "error"), [(5, TypeError), (None, TypeError), ("", ValueError)])
def test_what_names_no_directory_is_refused_by_argument(directory: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"directory = {directory!r}"):
        load_results(directory)  # type: ignore[arg-type]
    with pytest.raises(error, match=f"out = {directory!r}"):
        results().save(directory)  # type: ignore[arg-type]


def test_a_directory_of_runs_says_where_they_are(tmp_path: Path) -> None:
    for name in ("market-1", "market-0"):
        results().save(tmp_path / name)
    with pytest.raises(ValueError, match="its runs lie in market-0, market-1: pass one of those"):
        load_results(tmp_path)
