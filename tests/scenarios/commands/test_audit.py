"""The command `market-sim audit`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner, Result

from agents.broker.auctions.base import Auction, Guarantees
from agents.messages import Bids, Outcome
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.audit import audit
from analysis.incentives.query_ledger import Attack
from analysis.incentives.settings import AuditSettings
from scenarios.commands.audit import _interval, _summary
from scenarios.commands.cli import app

SMALL = ("--profiles", "3", "--owners", "3", "--queries", "20", "--finalists", "2", "--jobs", "1", "--no-controls")


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["audit", *words])


def test_the_summary_says_what_was_found_by_whom_and_that_it_is_a_lower_bound(tmp_path: Path) -> None:
    result = typed("fixed-share", *SMALL, "--out", str(tmp_path / "audit"))
    assert result.exit_code == 0
    summary = " ".join(result.stdout.split())
    assert "Gain over own cost in fixed-share, at least" in summary
    assert "fixed-share: REFUTED" in summary
    assert "one owner may change: data size down, privacy budget down, valuation, staying away" in summary
    for attacker in ("lattice", "climbing", "cma-es", "gradient from the truth"):
        assert attacker in summary
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


class Spendthrift(Auction):
    """Promises nothing about lies, but to stay within the budget of which it spends twice as much."""

    name = "spendthrift"
    guarantees = Guarantees(individually_rational=False)

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        return Outcome(
            privacy_loss=bids.privacy_budget,
            payment=2 * budget[:, None] * bids.data_size / bids.data_size.sum(-1, keepdim=True).clamp(min=1),
            data_size=bids.data_size,
        )


class Confused(Attacker):
    """Fails with words that a summary could take for a style."""

    name = "confused"

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        raise RuntimeError("what is [/this]?")


def test_a_broken_budget_refutes_what_claims_nothing_about_lies_and_words_stay_words(tmp_path: Path) -> None:
    report = audit(
        Spendthrift(),
        attackers=["lattice", Confused()],
        settings=AuditSettings(profiles=2, owners=3, queries=4, checks=False, controls=False),
    )
    console = Console(width=200)
    with console.capture() as captured:
        for part in _summary(report, tmp_path / "[out]"):
            console.print(part)
    summary = captured.get()
    assert "spendthrift: REFUTED" in summary
    assert "what is [/this]?" in summary
    assert "[out]" in summary


def test_an_interval_that_is_no_number_is_shown_as_such() -> None:
    figures = dict.fromkeys(("mean", "low", "high"), float("nan"))
    assert Text.from_markup(_interval(figures)).plain == "nan [nan, nan]"


def test_where_nobody_can_collude_the_summary_says_so_and_the_pictures_are_empty(tmp_path: Path) -> None:
    alone = ("--owners", "1", "--profiles", "2", "--queries", "3", "--jobs", "1", "--no-controls")
    result = typed("pay-as-bid", *alone, "--threat", "collusion", "--out", str(tmp_path / "audit"))
    assert result.exit_code == 0, result.stderr
    assert "nan [nan, nan]" in result.stdout
    assert "No lie could be told, so that nothing is known: collusion." in result.stdout
    assert (tmp_path / "audit" / "gains-collusion.png").exists()


def test_an_audit_that_found_no_gain_says_how_rare_gains_would_have_to_be(tmp_path: Path) -> None:
    """Three profiles without: 1 - 0.05^(1/3) of all may have one."""
    words = ("proportional-share", *SMALL, "--attacker", "lattice", "--threat", "valuation")
    summary = " ".join(typed(*words, "--out", str(tmp_path / "audit")).stdout.split())
    assert "valuation: no gain in 3 profiles; profiles with one may still be 63.2% of all." in summary
    assert "0.0% [0.0%, 63.2%]" in summary


def test_who_interrupts_the_pictures_is_told_that_the_figures_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(report: object, out: Path) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("scenarios.commands.audit._save_pictures", interrupted)
    result = typed("fixed-share", *SMALL, "--attacker", "lattice", "--out", str(tmp_path / "audit"))
    assert result.exit_code == 130
    assert f"interrupted; figures and tables are in {tmp_path / 'audit'}, not all pictures" in result.stderr
    (tmp_path / "mine").touch()
    assert (tmp_path / "audit" / "audit.json").stat().st_mode == (tmp_path / "mine").stat().st_mode


def test_an_audit_that_tells_no_lie_confirms_nothing(tmp_path: Path) -> None:
    words = ("fixed-share", *SMALL, "--attacker", "gradient from the truth", "--out", str(tmp_path / "audit"))
    summary = " ".join(typed(*words).stdout.split())
    assert "No lie could be told, so that nothing is known: everything." in summary
    assert "was refuted" not in summary
