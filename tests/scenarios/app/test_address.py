"""The address holds every choice and nothing else; what it asks for beyond the controls is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.app.address import TRUTH, Place, beside_choices, read, written
from scenarios.app.choices import Choices
from scenarios.app.offers import Flag, Names, Span, liars, offers
from scenarios.app.presets import PRESETS


def values(name: str) -> st.SearchStrategy:
    offer = offers()[name]
    if isinstance(offer, Names):
        return st.sampled_from(offer.names)
    if isinstance(offer, Flag):
        return st.booleans()
    if isinstance(offer, Span):
        end = st.integers(round(10 * offer.minimum), round(10 * offer.maximum)).map(lambda tenth: tenth / 10)
        return st.tuples(end, end).map(lambda pair: tuple(sorted(pair)))
    return st.integers(offer.minimum, offer.maximum)


PLACES = st.builds(
    lambda chosen, shares, beside: Place(replace(Choices(), **chosen, deviators=shares), beside),
    st.fixed_dictionaries({}, optional={name: values(name) for name in offers()}),
    st.dictionaries(st.sampled_from(liars()), st.integers(1, 20), max_size=5),
    st.sampled_from(["", TRUTH, "all-in"]),
)


@given(PLACES)
def test_what_is_written_is_read(place):
    found = read(written(place))
    assert found.left_out == ()
    assert (found.choices, found.beside) == (place.choices, place.beside)
    assert list(found.choices.deviators) == [name for name in liars() if name in place.choices.deviators]


def test_the_opening_market_needs_no_words():
    assert written(Place(Choices())) == ""
    assert read(None) == read("") == Place(Choices())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_every_preset_has_an_address(preset):
    assert read(written(Place(preset.choices, preset.beside))).choices == preset.choices


@given(st.text(max_size=200))
def test_no_address_is_too_wild_to_read(text):
    assert isinstance(read(text), Place)


@pytest.mark.parametrize(
    "search",
    [
        "network=/etc/passwd",
        "auction=../checkpoint.safetensors",
        "auction=os:system",
        "owners=1e9",
        "owners=nan",
        "owners=2001",
        "privacy_budget=0.5",
        "privacy_budget=nan~1",
        "liars=hedge:-1",
        "liars=hedge:٣",
        "liars=scenarios.quickstart:10",
        "beside=/etc/passwd",
        "file=/etc/passwd",
        "file=" + "g" * 64,
        "first_best=maybe",
    ],
)
def test_what_is_not_offered_is_left_out_and_said_without_quoting_it(search):
    found = read(search)
    assert (found.choices, found.beside, found.asked_for) == (Choices(), "", "")
    (said,) = found.left_out
    assert search.partition("=")[2] not in said
    assert "/" not in said


def test_fields_that_are_no_controls_are_ignored():
    assert read("population=/etc/passwd&data=/etc&noise_source=opendp&__class__=x") == Place(Choices())


def test_a_file_is_named_by_its_hash_alone():
    found = read("file=" + "a" * 64)
    assert found.asked_for == "a" * 64
    assert found.choices.population is None
    assert written(found) == "file=" + "a" * 64


def test_beside_are_the_same_people_under_another_rule_or_all_truthful():
    place = Place(Choices(seed=3), "all-in")
    assert beside_choices(place) == Choices(seed=3, auction="all-in")
    assert beside_choices(replace(place, beside=TRUTH)) == Choices(seed=3, deviators={})
    assert beside_choices(replace(place, beside="")) is None
