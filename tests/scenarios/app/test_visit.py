"""Play, step, reset and look back; and what happens when something cannot be played."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
import solara

from market_sim.model import FLMarket
from scenarios.app.address import Place
from scenarios.app.layout import Notice
from scenarios.app.player import Player
from scenarios.app.visit import Visit

from .conftest import SMALL

NEVER = lambda: False  # noqa: E731


def until(condition) -> None:
    for _ in range(800):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("it did not happen within twenty seconds")


@solara.component
def below(visit: Visit) -> None:
    """The player and its notices."""
    Player(visit, visit.reset)
    Notice(visit)


@pytest.fixture
def her(visit):
    return visit()


@pytest.fixture
def player(screen, her):
    return screen(below(her))


def played(visit: Visit) -> int:
    return visit.pair.value.main.rounds


def test_a_step_is_a_round(player, her):
    player.press("Step")
    player.press("Step")
    assert played(her) == 2
    assert player.field("Round 2 of 20").value == 2


def test_several_rounds_go_into_one_picture_and_never_more_than_there_are(player, her):
    player.set("Rounds per picture", "25")
    player.press("Step")
    assert played(her) == 20
    assert not player.can("Step")
    assert not player.can("Play")


@pytest.mark.parametrize("value", ["1000", 5, "all", None, ["5"]])
def test_no_browser_asks_for_more_rounds_than_the_list_has(player, her, value):
    player.set("Rounds per picture", value)
    assert her.at_once.value == 1
    assert her.problem.value == "Rounds per picture: choose one of the list."


def test_it_plays_until_somebody_pauses(player, her):
    player.press("Play")
    assert not player.can("Step")
    until(lambda: played(her) >= 2)
    player.press("Pause")
    until(lambda: player.can("Step"))
    held = played(her)
    time.sleep(0.2)
    assert played(her) - held <= 1, "a round that has begun is played to its end"


def test_a_pause_does_not_wait_for_the_picture(player, her):
    her.at_once.value = 25
    player.press("Play")
    until(lambda: played(her) >= 1)
    player.press("Pause")
    until(lambda: player.can("Play"))
    assert played(her) < 20


def test_it_plays_to_the_last_round_and_can_be_reset(player, her):
    her.at_once.value = 10
    player.press("Play")
    until(lambda: played(her) == 20)
    until(lambda: not player.can("Pause"))
    assert not player.can("Play")
    player.press("Reset")
    until(lambda: played(her) == 0)
    assert player.can("Play")


def test_who_has_left_plays_no_further_round(player, her):
    gone = threading.Event()
    her.left = gone.is_set
    player.press("Play")
    until(lambda: played(her) >= 1)
    gone.set()
    until(lambda: not her.playing.value)
    held = played(her)
    time.sleep(0.2)
    assert played(her) == held


def test_looking_back_shows_the_round_and_a_step_returns_to_the_latest(player, her):
    her.at_once.value = 5
    player.press("Step")
    player.field("Round 5").vue_moved(2)
    assert her.at.value == 2
    assert her.view(her.pair.value.main).count == 2
    player.press("Step")
    assert (her.at.value, played(her)) == (None, 10)


@pytest.mark.parametrize("value", [0, 6, -1, 2.5, "2", True, None, 10**9])
def test_only_a_round_that_was_played_can_be_looked_at(player, her, value):
    her.at_once.value = 5
    player.press("Step")
    player.field("Round 5").vue_moved(value)
    assert her.at.value is None
    assert her.problem.value == "Round: choose one that was played."


def test_a_round_that_fails_is_said_and_the_page_stays(player, her, monkeypatch):
    player.press("Step")

    def fail(self, buyer, taken):
        raise ArithmeticError("round 1: the aggregate is not finite")

    monkeypatch.setattr(FLMarket, "_play_round", fail)
    player.press("Step")
    assert "The round could not be played: round 1: the aggregate is not finite." in player.text()
    assert played(her) == 1
    monkeypatch.undo()


def test_a_bug_is_not_shown(player, her, monkeypatch, capsys):
    def fail(self, buyer, taken):
        raise OSError(2, "No such file", "/home/me/secret.txt")

    monkeypatch.setattr(FLMarket, "_play_round", fail)
    player.press("Step")
    assert "Something went wrong on the server" in player.text()
    assert "secret" not in player.text()
    assert "secret" in capsys.readouterr().err


def test_an_address_shows_its_market_begun(her):
    place = Place(replace(SMALL, seed=7))
    her.load(place, NEVER)
    assert (her.pair.value.main.choices.seed, her.playing.value) == (7, True)
    assert her.problem.value is None


def test_a_market_that_cannot_be_built_leaves_the_last_one(her):
    before = her.pair.value
    her.load(Place(replace(SMALL, bidders=17)), NEVER)
    assert her.pair.value is before
    assert her.problem.value == (
        "There are 16 owners, but 17 bid in every round: take more owners, or fewer bidders. "
        "The market before is still shown."
    )


def test_two_markets_side_by_side_play_the_same_rounds(her):
    her.load(Place(SMALL, "pay-as-bid"), NEVER)
    her.playing.value = False
    her.step()
    main, beside = her.pair.value
    assert (main.rounds, beside.rounds) == (1, 1)
    assert (main.choices.auction, beside.choices.auction) == ("ascending-menu", "pay-as-bid")
    budgets = [market.history.view().rounds["budget"].tolist() for market in (main, beside)]
    assert budgets[0] == budgets[1]


def test_two_visitors_have_a_market_each(visit):
    one, other = visit(), visit()
    one.step()
    assert (played(one), played(other)) == (1, 0)


def test_what_the_market_warns_of_is_on_the_page(screen, visit):
    page = screen(Notice(visit(privacy_budget=(0.5, 4.0))))
    assert "was trained on a privacy_budget between 0.5 and 2" in page.text()
