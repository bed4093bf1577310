"""Every field of a market as an option, values as people write them, and help for each scenario."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from market_sim import MarketConfig
from market_sim.config_fields import described_fields
from scenarios.commands.catalogue import scenario_questions
from scenarios.commands.cli import app
from scenarios.commands.field_options import GROUPS, chosen_fields
from scenarios.commands.settings import value_of


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def test_every_field_is_described_with_its_default() -> None:
    described = described_fields()
    assert set(described) == {field.name for field in fields(MarketConfig)}
    assert all(field.meaning and field.values for field in described.values())
    assert {name: described[name].default for name in ("owners", "wallet", "auction")} == {
        "owners": "60",
        "wallet": "None",
        "auction": "'ascending-menu'",
    }
    assert {name for group in GROUPS.values() for name in group} <= set(described)


def test_fields_are_set_by_options_of_their_name(tmp_path: Any) -> None:
    sizes = ("--owners", "12", "--bidders", "6", "--rounds", "1e0", "--auction", "all-in", "--task", "synthetic")
    more = (
        "--task-option",
        "records=600",
        "--budget-factor",
        "(0.5, 1.0)",
        "--network",
        "ring",
        "--first-best",
        "True",
    )
    lies = ("--strategy", "truthful=0.5", "--strategy", "scaled-valuation=0.5", "--network-option", "neighbours=4")
    options = ("--strategy-option", "scaled-valuation.by=2", "--out", str(tmp_path / "run"), "--json")
    result = typed("run", "market", *sizes, *more, *lies, *options)
    assert result.exit_code == 0, result.stderr
    market = json.loads(result.stdout)["market"]
    assert (market["owners"], market["rounds"], market["auction"]) == (12, 1, "all-in")
    assert (market["budget_factor"], market["first_best"]) == ([0.5, 1.0], True)
    assert (market["task_options"], market["network_options"]) == ({"records": 600}, {"neighbours": 4})
    assert market["strategy_options"] == {"scaled-valuation": {"by": 2}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60", 60),
        ("1e3", 1000),
        ("-2", -2),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("[0.1, 2]", [0.1, 2]),
        ("(0.5, 1.0)", (0.5, 1.0)),
        ("true", True),
        ("True", True),
        ("None", None),
        ("all-in", "all-in"),
        ("{'by': 2}", {"by": 2}),
        ("9" * 5000, "9" * 5000),
        ("(" * 500, "(" * 500),
    ],
)
def test_values_are_taken_as_people_write_them(text: str, value: Any) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--owners", "12", "--set", "owners=13"), "--set: field 'owners' is given twice; give it once"),
        (("--network-option", "neighbours"), "--network-option neighbours: write OPTION=VALUE"),
        (("--strategy-option", "by=2"), "--strategy-option by=2: write STRATEGY.OPTION=VALUE"),
        (("--task-option", "records=1", "--task-option", "records=2"), "'records' is given twice"),
        (("--rounds", "three"), "rounds = 'three' is not a whole number; pass an int"),
    ],
)
def test_what_is_typed_wrongly_is_one_line_and_exit_code_2(words: tuple[str, ...], message: str) -> None:
    result = typed("run", "market", *words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert message in result.stderr


def test_a_scenario_without_a_market_of_ones_own_takes_no_fields() -> None:
    result = typed("run", "quickstart", "--owners", "12")
    assert result.exit_code == 2
    assert "scenario 'quickstart' plays a market of its own" in result.stderr


def test_fields_that_were_left_out_are_not_set() -> None:
    assert chosen_fields({"owners": None, "network_options": []}) == {}


@pytest.mark.parametrize("name", scenario_questions())
def test_help_of_a_scenario_says_its_question_and_how_long_it_lasts(name: str) -> None:
    result = typed("run", name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(scenario_questions()[name])
    assert "on two cores" in result.stdout
    assert "a while" not in result.stdout
    assert ("--budget-factor" in result.stdout) == (
        name
        not in (
            "quickstart",
            "gallery",
            "paper-figures",
            "misreport-study",
            "what-the-broker-sees",
            "two-level-brokers",
            "one-round",
        )
    )


def test_one_kind_is_listed_alone() -> None:
    fields_alone, auctions = typed("list", "fields").stdout, typed("list", "auctions").stdout
    assert "lifetime_allowance" in fields_alone
    assert "all-in" in auctions
    assert "lifetime_allowance" not in auctions
    refused = typed("list", "auction")
    assert (refused.exit_code, refused.stderr.count("did you mean 'auctions'?")) == (2, 1)
