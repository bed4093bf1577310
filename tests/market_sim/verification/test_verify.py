"""A run of two buyers, a ring, owners under two names and curves of one's own: whoever writes into it is found."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from market_sim import load_results, run_market, verify
from market_sim.results import sha256_of
from market_sim.tables import TABLES
from market_sim.verification.agreement import NO_ROW, ROWS
from market_sim.verification.findings import CONFIG, Verification
from market_sim.verification.not_recomputed import LEARNED

OWNERS = """family,factor,cost@0.5,cost@1,cost@2,privacy_budget,data_size
linear,0.9,,,,1.5,40
,,1.0,1.4,2.9,1.0,34
square_root,1.1,,,,1.25,44
quadratic,0.7,,,,0.5,21
,,0.2,0.9,2.5,2.0,60
exponential,0.5,,,,1.0,30
linear,1.2,,,,1.0,55
,,0.7,1.1,1.2,1.5,25
square_root,0.6,,,,2.0,33
exponential,1.3,,,,0.75,48
"""
STRATEGIES = {"truthful": 0.2, "scaled-valuation": 0.2, "collusion-ring": 0.4, "identity-splitting": 0.2}
COLUMNS = [(table, column) for table, schema in TABLES.items() for column in schema.names]
UNLEARNED = [(table, column) for table, column in COLUMNS if column not in LEARNED.get(table, ())]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "owners.csv").write_text(OWNERS)
    run_market(
        population=folder / "owners.csv",
        bidders=5,
        buyers=2,
        rounds=3,
        task="synthetic",
        task_options={"features": 3, "records": 500},
        auction="pay-as-bid",
        network="ring",
        strategies=STRATEGIES,
        seed=3,
        out=folder / "run",
    )
    return folder / "run"


@pytest.fixture
def run(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(played, tmp_path / "run"))


@pytest.fixture(scope="module")
def check(played: Path) -> Callable[..., Verification]:
    """Verify runs of the same configuration: what has to come of them is computed once."""
    import market_sim.verification.verify as module

    kept: dict[bool, Any] = {}
    play = module._play

    def once(*given: Any, learn: bool, **options: Any) -> Any:
        if learn not in kept:
            kept[learn] = play(*given, learn=learn, **options)
        return kept[learn]

    def checked(directory: Path, **options: Any) -> Verification:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_play", once)
            return verify(directory, **options)

    return checked


def written(run: Path, table: str, content: pa.Table) -> None:
    """Write a table and its fresh hash."""
    pq.write_table(content, run / f"{table}.parquet")
    manifest = json.loads((run / "config.json").read_text())
    manifest["files"][f"{table}.parquet"] = sha256_of(run / f"{table}.parquet")
    (run / "config.json").write_text(json.dumps(manifest))


def edited(run: Path, table: str, column: str, row: int, value: Any) -> None:
    content = pq.read_table(run / f"{table}.parquet")
    values = content[column].to_pylist()
    values[row] = value
    index = content.schema.get_field_index(column)
    written(run, table, content.set_column(index, content.schema.field(index), [values]))


def other(value: Any, kind: pa.DataType) -> Any:
    """The least change of a value."""
    if pa.types.is_boolean(kind):
        return not value
    if pa.types.is_integer(kind):
        return 0 if value is None else value + 1
    if pa.types.is_string(kind):
        return f"{value or ''}x"
    return 0.0 if value is None else math.nextafter(value, -math.inf)


def test_an_honest_run_agrees_in_every_row_of_every_column(played: Path) -> None:
    found = verify(played)
    assert (found.ok, found.problem, found.disagreements, found.rounds) == (True, None, (), 3)
    assert [(column.table, column.column) for column in found.columns][: len(COLUMNS)] == COLUMNS
    for column in found.columns:
        if column.table != CONFIG:
            learned = column.column in LEARNED.get(column.table, ())
            rows = len(pq.read_table(played / f"{column.table}.parquet"))
            assert rows > 0, f"nothing to check in {column.table}"
            assert (column.rows, column.agree) == ((0, 0) if learned else (rows, rows))
            assert column.kind == ("not verified" if learned else "recomputed")


def test_only_a_replay_checks_what_was_learned(played: Path, run: Path, check: Callable[..., Verification]) -> None:
    found = verify(played, replay=True)
    assert found.ok
    assert set(found.of_kind("replayed")["rounds"]) == set(LEARNED["rounds"])
    loss = pq.read_table(run / "rounds.parquet")["test_loss"].to_pylist()[4]
    edited(run, "rounds", "test_loss", 4, math.nextafter(loss, 0))
    assert check(run).ok
    (disagreement,) = check(run, replay=True).disagreements
    assert (disagreement.table, disagreement.column, disagreement.row) == ("rounds", "test_loss", 4)


@pytest.mark.parametrize(("table", "column"), UNLEARNED)
def test_the_least_change_of_any_cell_is_found(
    run: Path, check: Callable[..., Verification], table: str, column: str
) -> None:
    values, kind = pq.read_table(run / f"{table}.parquet")[column].to_pylist(), TABLES[table].field(column).type
    row = len(values) // 2
    for value in (other(values[row], kind), None):
        if value == values[row]:
            continue
        edited(run, table, column, row, value)
        found = check(run)
        (disagreement,) = found.disagreements
        assert not found.ok
        assert (disagreement.table, disagreement.column, disagreement.row) == (table, column, row)
        assert (disagreement.recorded, disagreement.recomputed) == (value, values[row])
        assert table in str(disagreement)
        assert column in str(disagreement)
        by_name = {(entry.table, entry.column): entry for entry in found.columns}
        assert by_name[table, column].agree == by_name[table, column].rows - 1 == len(values) - 1


def test_zero_is_not_minus_zero(run: Path, check: Callable[..., Verification]) -> None:
    transfers = pq.read_table(run / "trades.parquet")["transfer"].to_pylist()
    edited(run, "trades", "transfer", transfers.index(0.0), -0.0)
    assert [found.column for found in check(run).disagreements] == ["transfer"]


def test_results_that_were_changed_and_saved_again_are_found(
    played: Path, tmp_path: Path, check: Callable[..., Verification]
) -> None:
    results = load_results(played)
    results.save(tmp_path / "same")
    assert check(tmp_path / "same").ok
    results.trades.loc[5, "payment"] *= 1 + 2**-52
    results.save(tmp_path / "changed")
    load_results(tmp_path / "changed")
    (found,) = check(tmp_path / "changed").disagreements
    assert (found.table, found.column, found.row) == ("trades", "payment", 5)
    assert set(found.where) == {"round", "buyer", "owner"}


@pytest.mark.parametrize("table", list(TABLES))
class TestRows:
    """Of every table."""

    def test_a_row_that_was_left_out_is_found(self, run: Path, check: Callable[..., Verification], table: str) -> None:
        content = pq.read_table(run / f"{table}.parquet")
        row = len(content) // 2
        written(run, table, content.filter(pc.not_equal(pa.array(range(len(content))), row)))
        (found,) = check(run).disagreements
        assert (found.table, found.column, found.row, found.recorded) == (table, ROWS, row, NO_ROW)

    def test_a_row_that_was_put_in_is_found(self, run: Path, check: Callable[..., Verification], table: str) -> None:
        content = pq.read_table(run / f"{table}.parquet")
        written(run, table, pa.concat_tables([content, content.slice(0, 1)]))
        (found,) = check(run).disagreements
        assert (found.column, found.row, found.recomputed) == (ROWS, len(content), NO_ROW)

    def test_rows_that_changed_places_are_found(
        self, run: Path, check: Callable[..., Verification], table: str
    ) -> None:
        content = pq.read_table(run / f"{table}.parquet")
        order = list(range(len(content)))
        order[0], order[-1] = order[-1], order[0]
        written(run, table, content.take(order))
        assert {found.row for found in check(run).disagreements} == {0, len(content) - 1}


def test_a_file_without_its_hash_is_found_even_if_it_says_the_same(
    run: Path, check: Callable[..., Verification]
) -> None:
    content = pq.read_table(run / "groups.parquet")
    pq.write_table(content, run / "groups.parquet", compression="none")
    (found,) = check(run).disagreements
    assert (found.table, found.column) == (CONFIG, "files.groups.parquet")


@pytest.mark.parametrize(
    ("path", "value", "table"),
    [
        (("seed",), 4, "trades"),
        (("config", "value_of_accuracy"), 1.5, "rounds"),
        (("config", "auction"), "all-in", "trades"),
        (("config", "strategies"), dict(reversed(STRATEGIES.items())), "trades"),
        (("config", "strategy_options"), {"scaled-valuation": {"by": 1.6}}, "trades"),
        (("config", "bidders"), 4, "trades"),
        (("config", "budget_factor"), [0.1, 1.5], "rounds"),
        (("config", "first_best"), True, "rounds"),
        (("config", "rounds"), 4, CONFIG),
        (("config", "clip_norm"), 2.0, "rounds"),
        (("config", "lifetime_allowance"), 1.0, "trades"),
        (("auction", "name"), "all-in", CONFIG),
        (("auction", "rule"), "agents.broker.auctions.all_in.AllIn", CONFIG),
        (("data_files", "owners.csv"), "0" * 64, CONFIG),
        (("own_strategies",), {"truthful": {"class": "fractions:Fraction", "moves_last": False}}, CONFIG),
        (("rounds_completed",), 2, CONFIG),
    ],
)
def test_a_changed_configuration_is_found(run: Path, path: tuple[str, ...], value: Any, table: str) -> None:
    manifest = json.loads((run / "config.json").read_text())
    entry = manifest
    for name in path[:-1]:
        entry = entry[name]
    assert entry[path[-1]] != value or isinstance(value, dict)
    entry[path[-1]] = value
    (run / "config.json").write_text(json.dumps(manifest))
    found = verify(run)
    assert not found.ok
    assert table in {disagreement.table for disagreement in found.disagreements}


def test_what_is_no_run_of_this_version_is_refused_in_words(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not hold a run"):
        verify(tmp_path)
    manifest = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**manifest, "format": "fl-market run 1"}))
    with pytest.raises(ValueError, match=r"is of a run of format 1; .*with the version that wrote it"):
        verify(run)
    (run / "config.json").write_text(json.dumps(manifest))
    written(run, "groups", pq.read_table(run / "groups.parquet").drop_columns(["paid"]))
    with pytest.raises(ValueError, match="other columns"):
        verify(run)
    (run / "groups.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks groups\.parquet"):
        verify(run)


def test_another_version_is_mentioned(run: Path, check: Callable[..., Verification]) -> None:
    manifest = json.loads((run / "config.json").read_text())
    manifest["versions"]["torch"] = "1.0"
    (run / "config.json").write_text(json.dumps(manifest))
    found = check(run)
    assert found.ok
    (note,) = found.notes
    assert "torch 1.0 (here " in note


def test_whoever_watches_is_told_of_every_round(played: Path) -> None:
    told: list[tuple[int, int]] = []
    verify(played, watch=lambda *progress: told.append(progress))
    assert told == [(1, 3), (2, 3), (3, 3)]
