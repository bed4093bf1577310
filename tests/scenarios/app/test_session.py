"""Play, step and reset; and what happens when something cannot be played."""

from __future__ import annotations

import time
from dataclasses import replace

import ipyvuetify
import pytest

from market_sim.model import FLMarket
from scenarios.app import layout as page_module
from scenarios.app.choices import Choices
from scenarios.app.layout import MarketPage

SMALL = Choices(owners=16, bidders=8, task="synthetic", rounds=10)


@pytest.fixture
def page(visit, monkeypatch):
    """The whole page with a small market, and no panels, which have tests of their own."""
    monkeypatch.setattr(page_module, "Choices", lambda: SMALL)
    monkeypatch.setattr(page_module, "SECTIONS", {})
    return visit(MarketPage())


def until(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("it did not happen within ten seconds")


def slide(page, label: str, value: int) -> None:
    """Move the slider that stands behind (or under) these words."""
    sliders = page.page.find(ipyvuetify.Slider).widgets
    next(each for each in sliders if each.label == label).v_model = value


def test_a_step_is_a_round(page):
    page.press("Step")
    page.press("Step")
    assert page.step() == 2
    assert "2 of 10" in page.text()


def test_several_rounds_go_into_one_picture_and_never_more_than_there_are(page):
    slide(page, "Rounds per picture", 7)
    page.press("Step")
    assert page.step() == 7
    page.press("Step")
    assert page.step() == 10
    assert not page.can("Step")
    assert not page.can("▶")


def test_it_plays_until_somebody_pauses(page):
    slide(page, "Pause (ms)", 50)
    page.press("▶")
    assert not page.can("Step")
    until(lambda: page.step() >= 2)
    page.press("❚❚")
    until(lambda: page.can("Step"))
    held = page.step()
    time.sleep(0.2)
    assert page.step() - held <= 1, "a round that has begun is played to its end"


def test_it_plays_to_the_last_round_and_can_be_reset(page):
    slide(page, "Pause (ms)", 0)
    slide(page, "Rounds per picture", 5)
    page.press("▶")
    until(lambda: page.step() == 10)
    until(lambda: not page.can("❚❚"))
    assert not page.can("▶")
    page.press("Reset")
    until(lambda: page.step() == 0)
    assert page.can("▶")


def choose(page, label: str, value) -> None:
    selects = page.page.find(ipyvuetify.Select).widgets
    next(each for each in selects if each.label == label).v_model = value


def test_a_changed_market_is_played_after_reset(page):
    page.press("Step")
    choose(page, "Auction", "pay-as-bid")
    assert page.alerts() == ["You have changed the market: press Reset to play it."]
    assert page.step() == 1
    page.press("Reset")
    assert page.alerts() == []
    assert page.step() == 0


def test_choices_that_do_not_go_together_keep_the_last_good_market(page):
    page.press("Step")
    choose(page, "Ways to bid, besides the truth", ["imitate-richest"])
    (said,) = page.alerts()
    assert said.startswith("These choices do not go together: strategies: 'imitate-richest' needs acquaintances")
    page.press("Reset")
    (said,) = page.alerts()
    assert said.startswith("This market cannot be built: strategies: 'imitate-richest' needs acquaintances")
    assert said.endswith("The page still shows the last market that could be played.")
    assert page.step() == 1
    page.press("Step")
    assert page.step() == 2
    choose(page, "Network", "ring")
    assert page.alerts() == ["You have changed the market: press Reset to play it."]
    page.press("Reset")
    assert (page.alerts(), page.step()) == ([], 0)


def test_a_round_that_fails_is_said_and_the_page_stays(page, monkeypatch):
    page.press("Step")

    def fail(self, buyer, taken):
        raise ArithmeticError("round 1: the aggregate is not finite")

    monkeypatch.setattr(FLMarket, "_play_round", fail)
    page.press("Step")
    assert page.alerts()[0].startswith("The round could not be played: round 1: the aggregate is not finite")
    assert page.step() == 1
    page.press("▶")
    until(lambda: page.can("Step"))
    monkeypatch.undo()


def test_two_visitors_have_a_market_each(visit, monkeypatch):
    monkeypatch.setattr(page_module, "Choices", lambda: SMALL)
    monkeypatch.setattr(page_module, "SECTIONS", {})
    one, other = visit(MarketPage()), visit(MarketPage())
    one.press("Step")
    assert (one.step(), other.step()) == (1, 0)


def test_what_the_market_warns_of_is_on_the_page(visit, monkeypatch):
    monkeypatch.setattr(page_module, "Choices", lambda: replace(SMALL, privacy_budget=(0.5, 4.0)))
    monkeypatch.setattr(page_module, "SECTIONS", {})
    (said,) = visit(MarketPage()).alerts()
    assert "was trained on a privacy_budget between 0.5 and 2" in said
