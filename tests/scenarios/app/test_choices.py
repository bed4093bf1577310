"""What a visitor chooses becomes a market, a refusal in words of the page, or a command."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from market_sim.config import MarketConfig
from scenarios.app.choices import Choices, build, command_line, objection, owners_file
from scenarios.app.presets import PRESETS
from scenarios.commands.settings import market_fields

OWNERS = "family,factor,privacy_budget,data_size\n" + "\n".join(f"linear,{1 + n / 10},1.5,{5 + n}" for n in range(20))


def test_who_does_not_lie_tells_the_truth():
    assert Choices(deviators={"scaled-valuation": 25}).shares == {"truthful": 0.75, "scaled-valuation": 0.25}
    assert Choices(deviators={"scaled-valuation": 100}).shares == {"scaled-valuation": 1.0}
    assert Choices(deviators={}).shares == {"truthful": 1.0}


CHOSEN = {
    "auction": "pay-as-bid",
    "aggregation": "variance",
    "perturbation": "laplace",
    "task": "synthetic",
    "network": "ring",
    "sizes": "zipf",
    "partition": "label-skew",
    "owners": 20,
    "bidders": 7,
    "buyers": 2,
    "rounds": 40,
    "budget_factor": (0.5, 0.5),
    "privacy_budget": (1.0, 1.5),
    "wallet": 300,
    "lifetime_allowance": 9,
    "first_best": True,
}


def test_every_choice_reaches_the_market():
    choices = Choices(**CHOSEN, seed=3, deviators={"random-misreport": 50})
    model, _ = build(choices)
    for name, value in CHOSEN.items():
        assert getattr(model.config, name) == value, name
    assert model.seed == 3
    assert model.config.strategies == {"truthful": 0.5, "random-misreport": 0.5}


@pytest.mark.parametrize("choices", [Choices(), Choices(**CHOSEN, seed=3, deviators={"random-misreport": 50})])
def test_the_command_plays_the_same_market(choices):
    words = shlex.split(command_line(choices))
    assert words[:5] == ["market-sim", "run", "market", "--seed", str(choices.seed)]
    given = {"--set": [], "--strategy": []}
    for option, value in zip(words[5::2], words[6::2], strict=True):
        given[option].append(value)
    fields = market_fields(given["--set"], given["--strategy"], None)
    pairs = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    assert MarketConfig(**pairs) == choices.config


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bidders": 61}, "There are 60 owners, but 61 bid in every round: take more owners, or fewer bidders."),
        ({"bidders": 40, "buyers": 2}, "There are 60 owners, but 2 buyers need 80: take more owners, or fewer"),
        ({"deviators": {"imitate-richest": 10}}, "Imitate richest needs acquaintances: choose a network."),
        ({"owners": 2000}, "The task digits has 1,437 records, too few for 2,000 owners: take fewer owners."),
    ],
)
def test_what_cannot_be_built_is_said_where_it_is_chosen(changed, said):
    assert str(objection(replace(Choices(), **changed))).startswith(said)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_preset_can_be_built(preset):
    assert objection(preset.choices) is None


def test_a_warning_is_kept_for_the_page_and_not_printed():
    _, warnings = build(Choices(privacy_budget=(0.5, 4.0)))
    assert len(warnings) == 1
    assert "was trained on a privacy_budget between 0.5 and 2" in warnings[0]


def test_owners_of_ones_own_are_read_from_what_was_uploaded():
    population = owners_file(OWNERS)
    assert (population.owners, len(population.sha256)) == (20, 64)
    choices = Choices(population=population, bidders=10)
    assert objection(choices) is None
    model, _ = build(choices)
    assert model.population.types.data_size[0].tolist() == list(range(5, 25))
    assert "--population FILE" in command_line(choices)
    assert "--set owners" not in command_line(choices)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "population"),
        ("root:x:0:0:root:/root:/bin/bash\n", "population"),
        (OWNERS.replace("linear,1.0", "linear,x"), "line 2, column 'factor'"),
    ],
)
def test_a_file_that_holds_no_owners_is_refused(content, said):
    with pytest.raises(ValueError, match=said):
        owners_file(content)
