"""Strategies by name or class, with options."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from agents.owner.strategies.base import Strategy
from agents.owner.strategies.hedge import Hedge
from agents.owner.strategies.truthful import Truthful
from agents.owner.strategy_shares import (
    check_options,
    check_shares,
    list_options,
    owner_counts,
    shares_of_nobody,
    strategy_class,
)


class Mine(Truthful):
    name: ClassVar[str] = "mine"

    def __init__(self, owners: int, *, greed: float = 1.0, mood: str = "calm") -> None:
        super().__init__(owners)
        if greed < 0:
            raise ValueError(f"greed = {greed}: pass 0 or more")


class Unfinished(Strategy):
    name: ClassVar[str] = "unfinished"


def test_a_class_of_ones_own_stands_beside_names() -> None:
    shares = check_shares({Mine: 0.25, "hedge": 0.75})
    assert shares == {Mine: 0.25, "hedge": 0.75}
    assert (strategy_class(Mine), strategy_class("hedge")) == (Mine, Hedge)


def test_shares_of_a_float32_table_are_taken() -> None:
    shares = check_shares(dict(zip(("truthful", "hedge"), np.array([0.1, 0.9], np.float32), strict=True)))
    assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
    assert owner_counts(shares, 10) == [1, 9]


def test_a_sum_that_misses_1_by_little_is_said_in_full() -> None:
    with pytest.raises(ValueError, match=r"the shares sum to 1\.00001; make them sum to 1"):
        check_shares({"truthful": 0.5, "hedge": 0.50001})


def test_options_are_the_keywords_of_the_constructor() -> None:
    assert list_options(Mine) == {"greed": 1.0, "mood": "calm"}
    assert list_options(Truthful) == {}
    options = check_options({Mine: 1.0}, {"mine": {"greed": np.float64(2.0), "mood": "cross"}})
    assert options == {"mine": {"greed": 2.0, "mood": "cross"}}
    assert type(options["mine"]["greed"]) is float


@pytest.mark.parametrize(
    ("shares", "error", "message"),
    [
        ({int: 1.0}, TypeError, "int is no Strategy"),
        ({Unfinished: 1.0}, TypeError, "Unfinished is unfinished; give it a name and a bid"),
        ({Mine: 0.5, type("Other", (Mine,), {}): 0.5}, ValueError, "two of them are called 'mine'"),
        ({3: 1.0}, ValueError, "strategies = 3 is not known"),
    ],
)
def test_shares_that_make_no_sense_are_refused(shares: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_shares(shares)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (3, TypeError, "strategy_options = 3: pass a mapping"),
        ({"mein": {}}, ValueError, "strategy_options = 'mein' is not known; did you mean 'mine'"),
        ({"hedge": {}}, ValueError, r"strategy_options\['hedge'\]: nobody follows it; give it a share"),
        ({"mine": 2.0}, TypeError, r"strategy_options\['mine'\] = 2.0: pass a mapping"),
        (
            {"mine": {"gread": 2.0}},
            ValueError,
            "option of strategy 'mine' = 'gread' is not known; did you mean 'greed'",
        ),
        ({"mine": {"greed": [2.0]}}, TypeError, "pass a number or a name"),
        ({"mine": {"greed": -1.0}}, ValueError, "greed = -1.0: pass 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_options({Mine: 1.0}, options)


class Impostor(Mine):
    name: ClassVar[str] = "truthful"


def test_nobody_but_the_truthful_is_called_truthful() -> None:
    with pytest.raises(ValueError, match="Impostor is called 'truthful', as a strategy of this project is"):
        check_shares({Impostor: 1.0})
    assert check_shares({Truthful: 1.0}) == {Truthful: 1.0}


def test_a_share_that_is_no_owner_is_named() -> None:
    """0.02 of 20 owners is 0.4; the largest remainder is that of the other strategy."""
    shares = check_shares({"truthful": 0.98, "hedge": 0.02})
    (sentence,) = shares_of_nobody(shares, 20)
    assert sentence.startswith("strategies['hedge'] = 0.02 is none of 20 owners: nobody follows it")
    assert shares_of_nobody(shares, 50) == []
    assert shares_of_nobody(check_shares({"truthful": 1.0, "hedge": 0.0}), 20) == []
