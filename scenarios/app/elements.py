"""What the page is made of: plain HTML elements with a name each, and the charts.

What a control says is its trait ``value``: of one called ``v_model`` ipyvue would never tell the browser.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import solara

from analysis.plots.live import LiveChart
from scenarios.app.chart_library import ADDRESS
from scenarios.app.offers import Flag, Names, NotOfferedError, Offer, Span, Whole


@solara.component_vue("vue/pick.vue", vuetify=False)
def Pick(
    label: str,
    items: list[dict[str, str]],
    value: str,
    on_value: Callable[[Any], None] | None = None,
    hint: str = "",
) -> None:
    """A list to pick from."""


@solara.component_vue("vue/slide.vue", vuetify=False)
def Slide(
    label: str,
    minimum: float,
    maximum: float,
    step: float,
    value: float,
    on_value: Callable[[Any], None] | None = None,
    unit: str = "",
    zero: str = "",
    hint: str = "",
    moving: bool = False,
    event_moved: Callable[[Any], None] | None = None,
) -> None:
    """A number to slide; ``zero`` says what 0 means; if the server moves it too (``moving``), see ``event_moved``."""


@solara.component_vue("vue/span.vue", vuetify=False)
def SpanSlide(
    label: str,
    minimum: float,
    maximum: float,
    step: float,
    value: list[float],
    on_value: Callable[[Any], None] | None = None,
    hint: str = "",
) -> None:
    """Two numbers to slide."""


@solara.component_vue("vue/check.vue", vuetify=False)
def Check(label: str, value: bool, on_value: Callable[[Any], None] | None = None) -> None:
    """A box to check."""


@solara.component_vue("vue/file.vue", vuetify=False)
def FileField(label: str, hint: str, most: int, event_chosen: Callable[[Any], None]) -> None:
    """A file of the visitor's, read in her browser."""


@solara.component_vue("vue/download.vue", vuetify=False)
def DownloadButton(label: str, file: dict[str, str] | None, event_ask: Callable[[Any], None]) -> None:
    """A button that asks for a file, which the browser keeps when it comes."""


@solara.component_vue("vue/copy.vue", vuetify=False)
def CopyButton(label: str, content: str, address: bool = False) -> None:
    """Words to copy, or the page's address."""


@solara.component_vue("vue/chart.vue", vuetify=False)
def _Chart(
    spec: dict[str, Any],
    columns: dict[str, Any],
    said: str,
    numbers: dict[str, str],
    table: str,
    name: str,
    source: str,
    event_pick: Callable[[Any], None],
) -> None:
    """A chart that the browser draws."""


def show_chart(drawn: LiveChart, name: str, pick: Callable[[Any], None] | None = None) -> None:
    """Put a chart on the page; ``pick`` hears of the owner that is clicked."""
    # What changes from round to round is not part of the specification, so that it is not drawn anew.
    _Chart(
        spec=drawn.spec,
        columns=drawn.data,
        said=drawn.said,
        numbers=drawn.numbers,
        table=drawn.table,
        name=name,
        source=ADDRESS,
        event_pick=pick or (lambda _: None),
    )


def field(
    offer: Offer,
    value: Any,
    choose: Callable[[Any], None],
    *,
    texts: Mapping[str, str] | None = None,
    hint: str = "",
    unit: str = "",
    zero: str = "",
    label: str = "",
) -> None:
    """Put the control of an offer on the page."""
    label = label or offer.label
    if isinstance(offer, Names):
        items = [{"value": name, "text": (texts or {}).get(name, name)} for name in offer.names]
        Pick(label=label, items=items, value=value, on_value=choose, hint=hint)
    elif isinstance(offer, Whole):
        Slide(
            label=label,
            minimum=offer.minimum,
            maximum=offer.maximum,
            step=offer.step,
            value=value,
            on_value=choose,
            unit=unit,
            zero=zero,
            hint=hint,
        )
    elif isinstance(offer, Span):
        ends = [float(end) for end in value]
        SpanSlide(
            label=label,
            minimum=offer.minimum,
            maximum=offer.maximum,
            step=offer.step,
            value=ends,
            on_value=choose,
            hint=hint,
        )
    elif isinstance(offer, Flag):
        Check(label=label, value=value, on_value=choose)


def picked(value: Any, names: Sequence[str]) -> str:
    """Return a name that a browser picked, if it is one of ``names``."""
    if not isinstance(value, str) or value not in names:
        raise NotOfferedError("Choose one of the list")
    return value


@solara.component
def Button(
    label: str,
    on_click: Callable[[], None],
    *,
    kind: str = "plain",
    disabled: bool = False,
    attributes: Mapping[str, Any] | None = None,
) -> Any:
    """A button; ``kind`` is its class."""
    given: dict[str, Any] = {"type": "button", **(attributes or {})}
    if disabled:
        given["disabled"] = True
    element = solara.v.Html(tag="button", children=[label], class_=kind, attributes=given)
    solara.v.use_event(element, "click", lambda *_: None if disabled else on_click())
    return element


def text(tag: str, content: str, *classes: str, **attributes: str) -> None:
    """Put a piece of text on the page; HTML in it is escaped."""
    solara.HTML(tag=tag, unsafe_innerHTML=html.escape(content), classes=list(classes), attributes=dict(attributes))


def markup(tag: str, content: str, *classes: str) -> None:
    """Put HTML of the app's own on the page."""
    solara.HTML(tag=tag, unsafe_innerHTML=content, classes=list(classes))


def text_list(items: Sequence[str]) -> None:
    """Put a list of sentences on the page."""
    markup("ul", "".join(f"<li>{html.escape(item)}</li>" for item in items))
