"""The command `market-sim check`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scenarios.commands.cli import app

FEW = ("--profiles", "3", "--misreports", "4")
OWN = """
from agents.broker.auctions.proportional_share import ProportionalShare


class Mine(ProportionalShare):
    name = "mine"


class Demanding(Mine):
    def __init__(self, wish):
        super().__init__()
"""


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["check", *words])


def test_an_honest_rule_ends_with_exit_code_0_and_a_cheat_with_1() -> None:
    honest, cheat = typed("proportional-share", *FEW), typed("pay-as-bid", *FEW)
    assert (honest.exit_code, cheat.exit_code) == (0, 1)
    assert "proportional-share: nothing refuted" in honest.stdout
    assert "pay-as-bid: REFUTED: truthful in data_size, privacy_budget, valuation" in " ".join(cheat.stdout.split())


def test_the_figures_are_json() -> None:
    said = json.loads(typed("pay-as-bid", *FEW, "--json").stdout)
    assert (said["auction"], said["ok"], said["not_tried"]) == ("pay-as-bid", False, [])
    row = next(row for row in said["checks"] if row["check"] == "budget feasible")
    assert (row["claim"], row["holds"]) == ("claimed", True)


def test_an_auction_of_ones_own_is_named_by_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules_of_mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    assert "mine: nothing refuted" in typed("rules_of_mine:Mine", *FEW).stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:Mine", "'no_such_module:Mine': module 'no_such_module' cannot be imported"),
        ("json:JSONDecoder", "'json:JSONDecoder' is no finished Auction"),
        ("json:", "'json:' names no class: write module:Class"),
        ("proportional-shar", "did you mean 'proportional-share'"),
    ],
)
def test_what_is_no_auction_is_refused_with_a_remedy(name: str, message: str) -> None:
    result = typed(name, *FEW)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_an_auction_that_needs_arguments_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demanding_rules.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    assert "give them defaults" in " ".join(typed("demanding_rules:Demanding", *FEW).stderr.split())
