"""The command `market-sim audit`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scenarios.cli import app

SMALL = ("--profiles", "3", "--owners", "3", "--queries", "20", "--finalists", "2", "--jobs", "1", "--no-controls")


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["audit", *words])


def test_the_page_says_what_was_found_by_whom_and_that_it_is_a_lower_bound(tmp_path: Path) -> None:
    result = typed("fixed-share", *SMALL, "--out", str(tmp_path / "audit"))
    assert result.exit_code == 0
    page = " ".join(result.stdout.split())
    assert "Gain over own cost in fixed-share, at least" in page
    assert "fixed-share: REFUTED" in page
    assert "one owner may change: data size down, privacy budget down, valuation, staying away" in page
    for attacker in ("lattice", "climbing", "cma-es", "gradient from the truth"):
        assert attacker in page
    assert {path.name for path in (tmp_path / "audit").iterdir()} == {
        "audit.json",
        "settings.json",
        "owners-everything.parquet",
        "curves-everything.parquet",
        "curves-everything.png",
        "gains-everything.png",
    }


def test_the_figures_are_json(tmp_path: Path) -> None:
    words = (
        *SMALL,
        "--queries",
        "12",
        "--threat",
        "each",
        "--threat",
        "claimed",
        "--json",
        "--out",
        str(tmp_path / "audit"),
    )
    result = typed("posted-price", *words)
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert list(figures["threats"]) == ["valuation", "privacy-budget", "data-size", "staying-away", "claimed"]
    assert figures["ok"]
    assert figures["threats"]["valuation"]["claimed"]
    assert figures["threats"]["valuation"]["statistics"]["money"]["max"] == 0
    assert figures["threats"]["data-size"]["statistics"]["money"]["max"] > 0
    assert figures["label"].startswith("at least")
    assert figures["settings"]["queries"] == 12


def test_the_same_audit_again_gives_the_same_figures(tmp_path: Path) -> None:
    words = ("fixed-share", *SMALL, "--attacker", "lattice", "--json", "--out", str(tmp_path / "audit"))
    assert typed(*words).stdout == typed(*words).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("all-inn",), "auction = 'all-inn' is not known; did you mean 'all-in'?"),
        (("all-in", "--threat", "colusion"), "threats = 'colusion' is not known; did you mean 'collusion'?"),
        (("all-in", "--attacker", "latice"), "attackers = 'latice' is not known; did you mean 'lattice'?"),
        (("all-in", "--profiles", "0"), "profiles = 0: pass a whole number between 1"),
        (("all-in", "--seed", "-1"), "seed = -1: pass a whole number between 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = typed(*words, "--out", str(tmp_path / "audit"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"market-sim: {message}")
    assert not (tmp_path / "audit").exists()
