"""What every panel has: a title, a picture or a word in its place, and a caption that says how to read it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import solara
from matplotlib.figure import Figure

from scenarios.app.drawing import Drawing

NOTHING_YET = "Nothing has been traded yet: press Step or ▶."


@solara.component
def Panel(
    title: str,
    caption: str,
    draw: Callable[[], Figure] | None,
    depends_on: tuple[Any, ...],
    *,
    instead: str = NOTHING_YET,
    children: list[Any] | None = None,
) -> None:
    """Show one panel.

    Parameters
    ----------
    title, caption : str
        What it asks, and how to read the answer.
    draw : callable, optional
        Draws the figure; without, the words ``instead`` stand in its place.
    depends_on : tuple
        What the figure depends on (``Drawing``).
    instead : str
    children : list of elements
        Controls of the panel's own, between title and picture.
    """
    text("h3", title)
    if children:
        solara.Div(children=children)
    if draw is None:
        text("p", instead, "nothing")
    else:
        Drawing(draw, depends_on, f"{title}. {caption}")
    text("p", caption, "caption")


def text_list(items: list[str]) -> None:
    """Put a list of sentences on the page."""
    solara.HTML(tag="ul", unsafe_innerHTML="".join(f"<li>{escape(item)}</li>" for item in items))


def text(tag: str, content: str, *classes: str) -> None:
    """Put a piece of text on the page; HTML in it is escaped."""
    solara.HTML(tag=tag, unsafe_innerHTML=escape(content), classes=list(classes))
