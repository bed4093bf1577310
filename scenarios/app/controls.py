"""The controls: presets, what to compare with, and everything that the market has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import solara

from agents.broker.aggregation import AGGREGATIONS
from agents.broker.auctions.registry import auction_classes
from agents.owner.strategies.registry import strategy_classes
from agents.perturbation.registry import perturbation_classes
from agents.tasks.registry import task_modules
from scenarios.app.address import TRUTH, beside_taken
from scenarios.app.choices import Choices, owners_file, spoken
from scenarios.app.elements import Button, FileField, Pick, Slide, field, text
from scenarios.app.offers import SHARE, NotOfferedError, liars, offers, taken, with_share
from scenarios.app.presets import PRESETS, mark_of
from scenarios.app.visit import Visit
from scenarios.commands.inventory import first_line

MAX_FILE = 2**20
"""Bytes of an uploaded file."""
ADD = "add a way to bid…"


@solara.component
def Presets(visit: Visit, show: Callable[[str], None]) -> None:
    """Markets worth a look."""
    shown = visit.preset
    with solara.v.Html(tag="nav", class_="presets", attributes={"aria-label": "Markets worth a look"}):
        for name in PRESETS:
            _PresetButton(name, name == shown, show).key(name)


@solara.component
def _PresetButton(name: str, shown: bool, show: Callable[[str], None]) -> Any:
    preset = PRESETS[name]
    children = [solara.v.Html(tag="span", children=[preset.title], class_="name")]
    if preset.mark:
        children.append(solara.v.Html(tag="span", children=[preset.mark], class_="mark"))
    children.append(solara.v.Html(tag="span", children=[preset.look_for], class_="line"))
    given = {"type": "button", "aria-pressed": "true" if shown else "false"}
    element = solara.v.Html(tag="button", children=children, class_="preset", attributes=given)
    solara.v.use_event(element, "click", lambda *_: show(name))
    return element


@solara.component
def Controls(visit: Visit) -> None:
    """All controls; each change is checked, and Reset plays the market that comes of them."""
    current = visit.draft.value.choices
    with solara.Div(classes=["controls"]):
        with _group("The rules", opened=True):
            for name in ("auction", "aggregation", "perturbation", "task"):
                _control(visit, name)
        with _group("The liars", opened=True):
            _deviators(visit, current)
        with _group("The people"):
            for name in ("owners", "bidders", "privacy_budget", "lifetime_allowance", "sizes", "partition", "network"):
                _control(visit, name)
            _file(visit, current)
        with _group("The buyers"):
            for name in ("buyers", "budget_factor", "wallet"):
                _control(visit, name)
        with _group("The run"):
            for name in ("rounds", "seed", "first_best"):
                _control(visit, name)
            _beside(visit)


@contextmanager
def _group(title: str, *, opened: bool = False) -> Iterator[None]:
    """A part of the controls that can be folded."""
    with solara.v.Html(tag="details", class_="group", attributes={"open": True} if opened else {}):
        solara.v.Html(tag="summary", children=[title])
        yield


HINTS = {
    "privacy_budget": "The most privacy loss that an owner sells in a round, drawn between these.",
    "budget_factor": "1 would pay all costs of the round's bidders.",
    "wallet": "In what an owner of mean size asks for all she has.",
    "partition": "iid: at random. label-skew, dirichlet: each holds more of some labels. shards: two labels each.",
}
ZERO = {"wallet": "no limit", "lifetime_allowance": "no limit"}


def _control(visit: Visit, name: str) -> None:
    offer, value = offers()[name], getattr(visit.draft.value.choices, name)
    choose = visit.doing(lambda new: visit.choose(**{name: taken(name, new)}))
    texts = {each: _named(name, each) for each in getattr(offer, "names", ())}
    field(offer, value, choose, texts=texts, hint=HINTS.get(name) or _line(name, value), zero=ZERO.get(name, ""))


def _named(control: str, name: str) -> str:
    """A name of a list as it is read: the slug in words, with a mark if it claims more than it keeps."""
    mark = mark_of(name) if control == "auction" else ""
    return f"{spoken(name)} ({mark})" if mark else spoken(name)


def _line(control: str, name: Any) -> str:
    """One line on what is chosen, from where it is written."""
    parts: dict[str, Any] = {
        "auction": auction_classes,
        "aggregation": lambda: AGGREGATIONS,
        "perturbation": perturbation_classes,
        "task": task_modules,
    }
    if control not in parts:
        return ""
    part = parts[control]()[name]
    if control == "auction":
        part = sys.modules[part.__module__]
    return first_line(part)


def _deviators(visit: Visit, current: Choices) -> None:
    """A share for each way to bid that somebody follows, and a list of the others."""

    def share(name: str) -> Callable[[Any], None]:
        return visit.doing(lambda new: visit.choose(deviators=with_share(current.deviators, name, new)))

    for name, percent in current.deviators.items():
        Slide(
            label=spoken(name),
            minimum=SHARE.minimum,
            maximum=SHARE.maximum,
            step=1,
            value=percent,
            on_value=share(name),
            unit=" %",
            hint=first_line(strategy_classes()[name]),
        ).key(name)
    rest = max(0, 100 - sum(current.deviators.values()))
    who = f"The other {rest} % of the owners tell" if current.deviators else "Everybody tells"
    text("p", f"{who} the truth.")
    left = [name for name in liars() if name not in current.deviators]
    items = [{"value": "", "text": ADD}, *({"value": name, "text": spoken(name)} for name in left)]

    def add(name: Any) -> None:
        if name != "":
            visit.choose(deviators=with_share(current.deviators, name, 10))

    Pick(label="More ways to bid", items=items, value="", on_value=visit.doing(add)).key(f"add{len(left)}")


def _beside(visit: Visit) -> None:
    """What to compare the market with."""

    def choose(value: Any) -> None:
        visit.draft.value = replace(visit.draft.value, beside=beside_taken(value))

    items = [{"value": "", "text": "nothing"}, {"value": TRUTH, "text": "the same with everybody truthful"}]
    items += [{"value": name, "text": _named("auction", name)} for name in auction_classes()]
    beside = visit.draft.value.beside
    Pick(label="Compare with", items=items, value=beside, on_value=visit.doing(choose))


def _file(visit: Visit, current: Choices) -> None:
    """Owners of the visitor's own."""
    asked = visit.draft.value.asked_for

    def chosen(content: Any) -> None:
        if not isinstance(content, str) or len(content) > MAX_FILE:
            raise ValueError(f"A file of owners has {MAX_FILE:,} bytes at most")
        population = owners_file(content)
        if asked and population.sha256 != asked:
            raise NotOfferedError(
                f"This is not the file that the address names: its sha256 begins with {population.sha256[:12]}, not "
                f"with {asked[:12]}. For another file, open the page without its address"
            )
        visit.choose(population=population, bidders=min(current.bidders, max(1, population.owners // current.buyers)))
        visit.draft.value = replace(visit.draft.value, asked_for="")

    hint = "CSV: family, factor, privacy_budget, data_size; a line each. It stays in memory."
    if current.population is not None:
        hint = f"{current.population.owners:,} owners of your own are in the market."
    elif asked:
        hint = f"The address asks for a file of owners whose sha256 begins with {asked[:12]}: choose it again."
    FileField(label="Owners of your own", hint=hint, most=MAX_FILE, event_chosen=visit.doing(chosen))
    if current.population is not None:
        Button("Drawn owners again", visit.doing(lambda: visit.choose(population=None)))
