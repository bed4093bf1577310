"""Markets that visitors share are only looked at; whoever plays on has one of her own, which goes on the same."""

from __future__ import annotations

import threading
from dataclasses import replace

import pandas as pd
import pytest

from market_sim import run_market
from scenarios.app.history import History
from scenarios.app.market import Market, Shelf

from .conftest import SMALL


def rounds(market: Market) -> pd.DataFrame:
    return market.history.view().rounds


def test_a_shared_market_is_played_once_however_many_ask():
    shelf, found = Shelf(), []
    threads = [threading.Thread(target=lambda: found.append(shelf.played(SMALL, 3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(market) for market in found}) == 1
    assert (found[0].rounds, found[0].shared) == (3, True)
    assert shelf.get(SMALL) is found[0]
    assert shelf.get(replace(SMALL, seed=1)) is None


def test_playing_on_leaves_the_shared_one_as_it_is_and_changes_no_figure():
    shared = Shelf().played(SMALL, 3)
    with pytest.raises(AssertionError, match="only looked at"):
        shared.play(1)
    own, other = shared.own(), shared.own()
    own.play(4)
    assert (shared.rounds, own.rounds, other.rounds) == (3, 7, 3)
    whole = Market.of(SMALL)
    whole.play(7)
    pd.testing.assert_frame_equal(rounds(own), rounds(whole))
    pd.testing.assert_frame_equal(own.history.view().promises, whole.history.view().promises)
    assert own.own() is own


def test_a_market_that_is_stopped_plays_no_further_round():
    market, asked = Market.of(SMALL), []
    market.play(10, lambda: asked.append(1) or len(asked) > 2)
    assert market.rounds == 2


def test_what_is_kept_is_what_the_library_keeps():
    market = Market.of(SMALL)
    market.play(SMALL.rounds)
    assert not market.model.running
    expected = run_market(SMALL.config, seed=SMALL.seed)
    pd.testing.assert_frame_equal(market.results().rounds, expected.rounds)
    pd.testing.assert_frame_equal(market.results().trades, expected.trades)


def test_one_who_left_while_it_was_played_leaves_nothing_half_played():
    shelf = Shelf()
    assert shelf.played(SMALL, 5, lambda: True).rounds == 0
    assert shelf.get(SMALL) is None
    assert shelf.played(SMALL, 2).rounds == 2


def test_a_history_belongs_to_one_market():
    market = Market.of(SMALL)
    market.play(1)
    assert isinstance(market.history, History)
    assert market.history.copy().played == market.history.played
