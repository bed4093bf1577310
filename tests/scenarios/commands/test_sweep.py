"""The command `market-sim sweep`: dry run, play, status, report, one run again."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from scenarios.commands.cli import app
from scenarios.commands.sweep import values_of

SMALL = ["--set", "owners=8", "--set", "bidders=4", "--set", "rounds=2", "--set", "task=synthetic",
         "--set", 'task_options={"records":400,"features":3}', "--strategy", "truthful=0.5",
         "--strategy", "scaled-valuation=0.5", "--set", "auction=all-in,sequential-menu"]  # fmt: skip


def said(*words, code=0):
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "out"
    said("sweep", *SMALL, "--seeds", 2, "--jobs", 1, "--out", out)
    return out


@pytest.mark.parametrize(
    ("text", "values"),
    [("a,b", ["a", "b"]), ("0.1,1", [0.1, 1]), ("[0.1,2]", [[0.1, 2]]), ("[0.1, 2],[1, 1]", [[0.1, 2], [1, 1]]),
     ('{"a":1,"b":2}', [{"a": 1, "b": 2}]), ("true", [True])],
)  # fmt: skip
def test_commas_part_values_but_not_within_brackets(text, values):
    assert values_of(text) == values


def test_a_dry_run_writes_nothing(tmp_path):
    figures = json.loads(said("sweep", *SMALL, "--seeds", 5, "--jobs", 2, "--dry-run", "--json").stdout)
    assert (figures["runs"], figures["cells"], figures["workers"]) == (10, 2, 2)
    assert figures["seconds"] > 0
    assert figures["bytes"] > 10_000
    assert list(tmp_path.iterdir()) == []


def test_status_and_report(directory):
    assert "4 runs done" in said("sweep", "status", directory).output
    figures = json.loads(said("report", directory, "--json").stdout)
    assert {row["field"] for row in figures["effects"]} == {"auction"}
    page = (directory / "report.html").read_text()
    assert "auction=sequential-menu" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_one_run_is_repeated_bit_by_bit(directory, tmp_path):
    key = "auction=all-in,seed=1"
    assert "the same as in the sweep" in said("run", "--from", directory, key, "--out", tmp_path / "one").output
    assert (tmp_path / "one" / "trades.parquet").is_file()
    refused = said("run", "--from", directory, "auction=all-in,seed=7", "--out", tmp_path / "two", code=2)
    assert "did you mean 'auction=all-in,seed=" in refused.output + refused.stderr


def test_a_run_is_had_again_from_its_config(directory, tmp_path):
    said("run", "--from", directory, "auction=all-in,seed=1", "--out", tmp_path / "one")
    said("run", "market", "--config", tmp_path / "one" / "config.json", "--out", tmp_path / "two")
    for name in ("rounds.parquet", "trades.parquet", "config.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_refusals_name_the_remedy(tmp_path):
    assert "holds no sweep" in said("sweep", "status", tmp_path, code=2).stderr
    (tmp_path / "plan.toml").write_text("[gird]\n")
    refused = said("sweep", "--config", tmp_path / "plan.toml", "--out", tmp_path / "x", code=2)
    assert "did you mean 'grid'" in refused.stderr
