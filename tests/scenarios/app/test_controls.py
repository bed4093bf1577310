"""The controls: their lists are the registries', and each of them moves what it is called."""

from __future__ import annotations

from typing import Any

import ipyvuetify
import pytest

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.registry import list_auctions
from agents.network import NETWORKS
from agents.owner.strategies.registry import list_strategies
from agents.perturbation.registry import list_perturbations
from agents.tasks.registry import list_tasks
from scenarios.app.choices import Choices
from scenarios.app.controls import Controls

LISTS = {
    "Auction": ("auction", list_auctions()),
    "Aggregation": ("aggregation", list(AGGREGATIONS)),
    "Perturbation": ("perturbation", list_perturbations()),
    "Task": ("task", list_tasks()),
    "Network": ("network", list(NETWORKS)),
}


@pytest.fixture
def chosen() -> list[Choices]:
    return []


@pytest.fixture
def controls(visit, chosen) -> Any:
    return visit(Controls(Choices(), chosen.append))


@pytest.mark.parametrize("label", LISTS)
def test_a_list_is_the_registry_s(controls, chosen, label):
    name, values = LISTS[label]
    select = next(each for each in controls.page.find(ipyvuetify.Select).widgets if each.label == label)
    assert select.items == values
    other = next(value for value in values if value != select.v_model)
    select.v_model = other
    assert getattr(chosen[-1], name) == other


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [(0, "owners", 200), (1, "bidders", 12), (-2, "rounds", 50), (-1, "seed", 9)],
)
def test_a_slider_counts(controls, chosen, place, name, value):
    sliders = controls.page.find(ipyvuetify.Slider).widgets
    sliders[place].v_model = value
    assert getattr(chosen[-1], name) == value


@pytest.mark.parametrize(("place", "name"), [(0, "privacy_budget"), (1, "budget_factor")])
def test_a_range_has_two_ends(controls, chosen, place, name):
    ranges = controls.page.find(ipyvuetify.RangeSlider).widgets
    ranges[place].v_model = [0.30000000000000004, 1.5]
    assert getattr(chosen[-1], name) == (0.3, 1.5)


def test_the_first_best_is_searched_for_on_request(controls, chosen):
    controls.page.find(ipyvuetify.Checkbox).widget.v_model = True
    assert chosen[-1].first_best


def test_every_strategy_can_be_chosen_and_has_a_share(visit, controls, chosen):
    select = next(each for each in controls.page.find(ipyvuetify.Select).widgets if each.multiple)
    assert select.items == [name for name in list_strategies() if name != "truthful"]
    select.v_model = ["random-misreport", "scaled-valuation"]
    assert chosen[-1].deviators == {"random-misreport": 5, "scaled-valuation": 10}
    again = visit(Controls(chosen[-1], chosen.append))
    again.page.find(ipyvuetify.Slider).widgets[2].v_model = 60
    assert chosen[-1].shares == {"truthful": 0.3, "random-misreport": 0.6, "scaled-valuation": 0.1}
    assert "truthful: 85 % (the rest)" in again.text()
