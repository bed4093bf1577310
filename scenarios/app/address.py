"""The page's address: every choice that is not the opening's, so that reload, back and forward keep the market."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from scenarios.app.choices import Choices
from scenarios.app.offers import Flag, Names, NotOfferedError, Offer, Span, Whole, offers, taken, with_share

LONGEST = 4000
NOBODY = "nobody"
TRUTH = "truth"
"""The market to compare with is the same with everybody telling the truth."""
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Place:
    """What an address says.

    Parameters
    ----------
    choices : Choices
    beside : str
        What the market is compared with: nothing (""), ``TRUTH``, or the name of another auction.
    asked_for : str
        The sha256 of a file of owners that the address names and the page does not have.
    left_out : tuple of str
        What in it is not offered, in words of the page.
    """

    choices: Choices
    beside: str = ""
    asked_for: str = ""
    left_out: tuple[str, ...] = ()


def written(place: Place) -> str:
    """Return the part of the address that says it, without the question mark."""
    opening = Choices()
    pairs: list[tuple[str, str]] = []
    for name in offers():
        value = getattr(place.choices, name)
        if value != getattr(opening, name):
            pairs.append((name, "~".join(map("{:g}".format, value)) if isinstance(value, tuple) else _text(value)))
    if place.choices.deviators != opening.deviators:
        shares = ",".join(f"{name}:{percent}" for name, percent in place.choices.deviators.items())
        pairs.append(("liars", shares or NOBODY))
    if place.beside:
        pairs.append(("beside", place.beside))
    sha256 = place.choices.population.sha256 if place.choices.population else place.asked_for
    if sha256:
        pairs.append(("file", sha256))
    return urlencode(pairs, safe=",:~")


def read(search: str | None) -> Place:
    """Read an address; what is not offered is left out, and said."""
    choices, beside, asked_for, left_out = Choices(), "", "", []
    for name, text in parse_qsl((search or "")[:LONGEST], max_num_fields=None, keep_blank_values=True):
        try:
            if name == "liars":
                choices = replace(choices, deviators=_liars(text))
            elif name == "beside":
                beside = beside_taken(text)
            elif name == "file":
                asked_for = _sha256(text)
            elif name in offers():
                choices = replace(choices, **{name: taken(name, _value(offers()[name], text))})
        except NotOfferedError as error:
            left_out.append(str(error))
    return Place(choices, beside, asked_for, tuple(dict.fromkeys(left_out)))


def beside_taken(value: Any) -> str:
    """Return what to compare with, checked: nothing, the truth, or an auction's name."""
    return "" if value == "" else TRUTH if value == TRUTH else str(taken("auction", value))


def beside_choices(place: Place) -> Choices | None:
    """The market to compare with: the same people, seed and budgets."""
    if not place.beside:
        return None
    if place.beside == TRUTH:
        return replace(place.choices, deviators={})
    return replace(place.choices, auction=place.beside)


def _text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _value(offer: Offer, text: str) -> Any:
    """The value that a text stands for, to be checked by the offer."""
    if isinstance(offer, Names):
        return text
    if isinstance(offer, Flag):
        return {"yes": True, "no": False}.get(text)
    number: Callable[[str], float] = int if isinstance(offer, Whole) else float
    try:
        return [number(end) for end in text[:40].split("~")] if isinstance(offer, Span) else number(text[:20])
    except ValueError:
        return None


def _liars(text: str) -> dict[str, int]:
    shares: dict[str, int] = {}
    for part in [] if text == NOBODY else text.split(","):
        name, _, percent = part.partition(":")
        shares = with_share(shares, name, int(percent) if percent.isascii() and percent.isdigit() else None)
    return shares


def _sha256(text: str) -> str:
    if not SHA256.fullmatch(text):
        raise NotOfferedError("file: an address names a file by its sha256")
    return text
