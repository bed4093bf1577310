"""Whatever a browser sends is taken only if its control offers it; and nothing of it is said back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.registry import list_auctions
from scenarios.app.choices import Choices
from scenarios.app.offers import Flag, Names, NotOfferedError, Span, Whole, liars, offers, taken, with_share

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


def test_every_control_offers_what_the_opening_market_has():
    for name in offers():
        assert taken(name, getattr(Choices(), name)) == getattr(Choices(), name)


@given(st.sampled_from(list(offers())), ANYTHING)
def test_what_is_taken_is_on_offer_and_what_is_refused_is_not_quoted(name, value):
    offer, refusal = offers()[name], None
    try:
        found = taken(name, value)
    except NotOfferedError as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.startswith(offer.label)
        assert not isinstance(value, str) or len(value) < 4 or value not in refusal
        return
    if isinstance(offer, Names):
        assert found in offer.names
    elif isinstance(offer, Whole):
        assert type(found) is int
        assert offer.minimum <= found <= offer.maximum
    elif isinstance(offer, Span):
        assert offer.minimum <= found[0] <= found[1] <= offer.maximum
    else:
        assert isinstance(offer, Flag)
        assert found in (True, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "/etc/passwd"),
        ("auction", "runs/checkpoints/mine.safetensors"),
        ("auction", "scenarios.quickstart:run"),
        ("task", "nsl-kdd"),
        ("task", ["digits"]),
        ("owners", 10**9),
        ("owners", -5),
        ("owners", math.nan),
        ("owners", "60"),
        ("owners", True),
        ("rounds", 1001),
        ("seed", 0.5),
        ("privacy_budget", [0.5]),
        ("privacy_budget", [math.nan, 1.0]),
        ("privacy_budget", ["0.5", "1"]),
        ("budget_factor", [0.0, 1e9]),
        ("first_best", "yes"),
        ("data", "/etc"),
        ("population", "/etc/passwd"),
        ("noise_source", "opendp"),
    ],
)
def test_paths_modules_and_numbers_beyond_the_slider_are_refused(name, value):
    with pytest.raises(NotOfferedError):
        taken(name, value)


def test_names_are_the_registry_s():
    assert offers()["auction"].names == tuple(list_auctions())


def test_a_range_is_taken_in_order_and_without_the_rounding_of_its_steps():
    assert taken("privacy_budget", [1.5, 0.30000000000000004]) == (0.3, 1.5)


@given(st.dictionaries(st.sampled_from(liars()), st.integers(0, 100), max_size=5), st.sampled_from(liars()), ANYTHING)
def test_shares_never_exceed_the_whole(chosen, name, percent):
    shares: dict[str, int] = {}
    for each, part in chosen.items():
        shares = with_share(shares, each, part)
        assert shares.get(each, 0) == part
        assert sum(shares.values()) <= 100
    try:
        changed = with_share(shares, name, percent)
    except NotOfferedError:
        assert not (type(percent) is int and 0 <= percent <= 100)
    else:
        assert changed.get(name, 0) == percent
        assert sum(changed.values()) <= 100


def test_the_others_give_way_in_proportion():
    assert with_share({"hedge": 40, "exp3": 40}, "scaled-valuation", 50) == {
        "exp3": 25,
        "hedge": 25,
        "scaled-valuation": 50,
    }
    with pytest.raises(NotOfferedError):
        with_share({}, "truthful", 10)
