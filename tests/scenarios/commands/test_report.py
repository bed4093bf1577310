"""`market-sim report`, as it is typed."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from typer.testing import CliRunner, Result

from agents.broker.auctions.all_in import AllIn
from analysis.formatting import accuracy
from market_sim import load_results, run_market
from scenarios.commands.cli import app
from scenarios.commands.directory import scenario_directory

SMALL = {"owners": 12, "bidders": 6, "rounds": 3, "strategies": {"truthful": 0.5, "scaled-valuation": 0.5}}


def typed(*words: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, words)])


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A scenario's directory with two runs."""
    out = tmp_path_factory.mktemp("runs") / "mine"
    with scenario_directory(out, {"scenario": "mine"}) as folder:
        run_market(auction="all-in", out=folder / "all-in", **SMALL)
        run_market(auction="sequential-menu", out=folder / "menu", **SMALL)
    return out


def test_a_run_gets_its_report_and_is_still_that_run(played):
    run = played / "menu"
    result = typed(run)
    assert result.exit_code == 0, result.stderr
    assert f"Report: {run / 'report.html'}" in result.stdout.replace("\n", "")
    before = load_results(run)
    assert typed(run, "--json").exit_code == 0
    assert sorted(path.name for path in run.iterdir()) == [
        "config.json", "confusion.parquet",
        "curves.parquet", "groups.parquet", "identities.parquet", "report.html", "rounds.parquet",
        "trades.parquet", "truthful",
    ]  # fmt: skip
    assert load_results(run).rounds.equals(before.rounds)
    run_market(auction="sequential-menu", out=run, **SMALL)


def test_the_paired_run_is_played_and_what_has_none_says_so(played, tmp_path):
    result = typed(played / "menu")
    paired = load_results(played / "menu" / "truthful").rounds["test_accuracy"].iloc[-1]
    assert f"{accuracy(paired)} with everybody truthful" in " ".join(result.stdout.split())
    run_market(auction=MyAuction(), out=tmp_path / "mine", **SMALL)
    result = typed(tmp_path / "mine")
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.split())
    assert "mine was not played with everybody telling the truth: auction = 'my-auction'" in said
    assert "Whether the learning survives is not known" in said


class MyAuction(AllIn):
    name: ClassVar[str] = "my-auction"


def test_the_figures_are_json(played, tmp_path):
    target = tmp_path / "new" / "both.html"
    result = typed(played, "--out", target, "--json")
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)
    assert (figures["report"], figures["bytes"]) == (str(target), target.stat().st_size)
    assert figures["runs"] == ["all-in", "menu"]
    spent = {row["quantity"]: row["mean"] for row in figures["markets"]["all-in"]}["spent"]
    assert spent == pytest.approx(load_results(played / "all-in").rounds["spent"].mean())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "directory = 'nowhere' does not exist"),
        (["{tmp}"], "does not hold a run (no config.json of ours)"),
        (["{runs}"], "2 runs and no place for their report: pass --out PAGE"),
        (["{runs}/menu", "{runs}/menu"], "is named twice; pass it once"),
        (["{runs}/menu", "--out", "{tmp}"], "name a page that ends in .html"),
        (["{runs}/menu", "--out", "{tmp}/folder.html"], "is a directory; name a page in it"),
        (["{runs}/menu", "--out", "{tmp}/mine.html"], "is not a report of ours; pass another name or remove it"),
        (["{runs}/menu", "--out", "{tmp}/mine.html/page.html"], "cannot be written"),
        (["{runs}/menu", "{runs}/menu/../menu/../all-in", "{runs}/torn", "--out", "{tmp}/a.html"], "does not exist"),
        (["nowhere", "--out", "{tmp}/new/folder/a.html"], "does not exist"),
        (["{tmp}/mine.html"], "mine.html' is a file; pass the directory that a run was written to"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_everything_as_it_was(played, tmp_path, words, message):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    result = typed(*(word.format(tmp=tmp_path, runs=played) for word in words))
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.html", "mine.html"]
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"


def test_markets_are_named_by_what_differs_and_told_by_their_runs(played, tmp_path):
    run_market(auction="all-in", out=tmp_path / "other", owners=14, bidders=7, rounds=2)
    result = typed(played / "menu", tmp_path / "other", "--out", tmp_path / "both.html")
    assert result.exit_code == 0, result.stderr
    assert "sequential-menu: menu\nall-in: other\n" in result.stdout


def test_a_run_whose_tables_were_changed_is_refused(tmp_path):
    run_market(out=tmp_path / "run", **SMALL)
    (tmp_path / "run" / "rounds.parquet").write_bytes((tmp_path / "run" / "trades.parquet").read_bytes())
    result = typed(tmp_path / "run")
    assert result.exit_code == 2
    assert not (tmp_path / "run" / "report.html").exists()


def test_an_interruption_leaves_the_report_before(played, tmp_path, monkeypatch):
    target = tmp_path / "page.html"
    assert typed(played / "menu", "--out", target).exit_code == 0
    before = target.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("agents.files.os.replace", interrupted)
    assert typed(played / "menu", "--out", target).exit_code == 130
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
