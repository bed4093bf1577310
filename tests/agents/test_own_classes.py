"""Classes by `module:Class`: written down where they can be imported, found again or refused with a remedy."""

from __future__ import annotations

import collections
from fractions import Fraction
from typing import Any

import pytest
import torch

from agents.broker.auctions.all_in import AllIn
from agents.broker.auctions.base import Auction
from agents.own_classes import class_of, same_state, spelled


class Outer:
    """Holds another class."""

    class Inner:
        """Found through the outer one."""


def test_what_is_spelled_is_found_again() -> None:
    for kind in (Fraction, AllIn, Outer.Inner, collections.OrderedDict):
        text = spelled(kind)
        assert text is not None
        assert class_of(text, object) is kind


def test_what_cannot_be_imported_is_not_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Local:
        """Of a function."""

    assert spelled(Local) is None
    assert spelled(type("Gone", (), {"__module__": "agents.nowhere"})) is None
    # Another class has this one's name by now.
    assert spelled(type("AllIn", (), {"__module__": AllIn.__module__})) is None
    monkeypatch.setattr(Outer, "__module__", "__main__")
    assert spelled(Outer) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AllIn", "'AllIn' names no class: write module:Class"),
        ("agents.nowhere:AllIn", "module 'agents.nowhere' cannot be imported .*put its directory on PYTHONPATH"),
        ("agents.broker.auctions.all_in:Nothing", "has no 'Nothing'; name one of its classes"),
        ("fractions:Fraction", r"is no finished Auction; derive it from agents\.broker\.auctions\.base\.Auction"),
        ("agents.broker.auctions.base:Auction", "is no finished Auction"),
    ],
)
def test_what_names_no_auction_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_of(text, Auction)  # type: ignore[type-abstract]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (AllIn(), AllIn(), True),
        (torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), False),
        ({"a": torch.ones(2)}, {"a": torch.ones(2)}, True),
        ({"a": torch.ones(2)}, {"a": torch.zeros(2)}, False),
        ([1, (2.0,)], [1, (2.0,)], True),
        (1, 1.0, False),
    ],
)
def test_objects_are_the_same_if_they_hold_the_same(one: Any, other: Any, same: bool) -> None:
    assert same_state(one, other) is same
