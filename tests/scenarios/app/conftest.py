"""The app without a browser: its components are rendered and its elements are pressed, moved and read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipyvue
import pytest
import solara

from scenarios.app.choices import Choices
from scenarios.app.market import Market
from scenarios.app.visit import Pair, Place, Visit

SMALL = Choices(owners=16, bidders=8, task="synthetic", rounds=20, deviators={"random-misreport": 50})


class Screen:
    """What somebody in front of a rendered component sees and does."""

    def __init__(self, element: Any) -> None:
        self.box, self.page = solara.render(element, handle_error=False)

    def widgets(self, trait: str) -> list[Any]:
        """All widgets with this trait."""
        return [widget for widget in _walk(self.box) if widget.has_trait(trait)]

    def text(self) -> str:
        """All words on the page."""
        inner = " ".join(str(each.unsafe_innerHTML) for each in self.widgets("unsafe_innerHTML"))
        return f"{inner} {_words(self.box)}".replace("&#x27;", "'")

    def charts(self) -> dict[str, Any]:
        """The charts by their names."""
        return {each.name: each for each in self.widgets("columns")}

    def buttons(self) -> dict[str, Any]:
        """The buttons by the words on them."""
        return {_words(each): each for each in self.widgets("tag") if each.tag == "button"}

    def can(self, label: str) -> bool:
        """Whether there is a button with these words on it that can be pressed."""
        found = self.buttons().get(label)
        return found is not None and not found.attributes.get("disabled")

    def press(self, label: str) -> None:
        """Press a button."""
        next(each for words, each in self.buttons().items() if words.startswith(label)).fire_event("click", {})

    def fields(self) -> list[Any]:
        """The controls."""
        return [each for each in self.widgets("value") if each.has_trait("label")]

    def field(self, label: str) -> Any:
        """The control with this label."""
        return next(each for each in self.fields() if each.label.startswith(label))

    def set(self, label: str, value: Any) -> None:
        """Send a value for a control, as a browser would."""
        self.field(label).set_state({"value": value})


def _walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        if not isinstance(child, str):
            yield from _walk(child)


def _words(widget: Any) -> str:
    if not isinstance(widget, ipyvue.VueWidget) and not hasattr(widget, "children"):
        return ""
    parts = [child if isinstance(child, str) else _words(child) for child in getattr(widget, "children", ())]
    return " ".join(part for part in parts if part)


@pytest.fixture
def screen() -> Iterator[Any]:
    """Render an element; everything is taken down when the test is over."""
    screens: list[Screen] = []

    def make(element: Any) -> Screen:
        screens.append(Screen(element))
        return screens[-1]

    yield make
    for each in screens:
        each.page.close()


@pytest.fixture
def visit() -> Any:
    """A visitor who looks at a small market of which so many rounds were played."""

    def make(rounds: int = 0, **chosen: Any) -> Visit:
        choices = Choices(**{**{name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__}, **chosen})
        market = Market.of(choices)
        market.play(rounds)
        return Visit(solara.Reactive(Place(choices)), solara.Reactive(Pair(market)))

    return make
