"""The app without a browser: its components are rendered and its buttons are pressed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipyvuetify
import pytest
import solara


class Visitor:
    """Somebody in front of a rendered component."""

    def __init__(self, element: Any) -> None:
        self.box, self.page = solara.render(element, handle_error=False)

    def text(self) -> str:
        """All words on the page."""
        return " ".join(str(widget.unsafe_innerHTML) for widget in self._all("HTML") if widget.unsafe_innerHTML)

    def step(self) -> int:
        """How many rounds the page says were played."""
        texts = [
            text for widget in _walk(self.box) for text in getattr(widget, "children", ()) if isinstance(text, str)
        ]
        return next(int(text.removeprefix("Step: ")) for text in texts if text.startswith("Step: "))

    def alerts(self) -> list[str]:
        """What the page complains of."""
        found = self.page.find(ipyvuetify.Alert).widgets
        return [_words(widget) for widget in found]

    def pictures(self) -> dict[str, str]:
        """Sources of the pictures by the beginning of their descriptions."""
        found = [widget.attributes for widget in self._all("HTML") if widget.tag == "img"]
        return {each["alt"]: each["src"] for each in found}

    def can(self, label: str) -> bool:
        """Whether there is a button with these words on it that can be pressed."""
        return any(label in _words(each) and not each.disabled for each in self.page.find(ipyvuetify.Btn).widgets)

    def press(self, label: str) -> None:
        """Press a button."""
        next(each for each in self.page.find(ipyvuetify.Btn).widgets if label in _words(each)).click()

    def toggle(self, chosen: Any) -> None:
        """Press the buttons of the page's only group of them that stay pressed, so that these are down."""
        self.page.find(ipyvuetify.BtnToggle).widgets[0].v_model = chosen

    def _all(self, kind: str) -> list[Any]:
        return [widget for widget in _walk(self.box) if type(widget).__name__ == kind]


def _walk(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        if not isinstance(child, str):
            yield from _walk(child)


def _words(widget: Any) -> str:
    return " ".join(child if isinstance(child, str) else _words(child) for child in getattr(widget, "children", ()))


@pytest.fixture
def visit() -> Iterator[Any]:
    """Render an element; everything is taken down when the test is over."""
    visitors: list[Visitor] = []

    def make(element: Any) -> Visitor:
        visitors.append(Visitor(element))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.page.close()
