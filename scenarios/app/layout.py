"""The whole page: controls at the side, the question and its panels in the middle."""

from __future__ import annotations

from pathlib import Path

import solara

from market_sim.model import FLMarket
from scenarios.app.choices import BuiltMarket, Choices, build
from scenarios.app.controls import Controls
from scenarios.app.guarantees import GuaranteesPanel
from scenarios.app.headline import Headline
from scenarios.app.last_round import LastRoundPanel
from scenarios.app.notice import Notice
from scenarios.app.owners import OwnersPanel
from scenarios.app.panel import text
from scenarios.app.panels import AccuracyPanel, BoundPanel, GainPanel, MoneyPanel, PrivacyPanel, UtilitiesPanel
from scenarios.app.price_list import PriceListPanel
from scenarios.app.session import Player

SECTIONS = {
    "Who gains?": (OwnersPanel, UtilitiesPanel, GainPanel, GuaranteesPanel),
    "Who pays?": (MoneyPanel, PrivacyPanel),
    "Does the learning survive it?": (BoundPanel, AccuracyPanel),
    "The last round, up close": (LastRoundPanel, PriceListPanel),
}
"""Panels by the question they answer; each is a component of a model, as Mesa's own are."""

WIDE = (LastRoundPanel, PriceListPanel)
"""Panels that need the whole width."""

STYLE = (Path(__file__).parent / "app.css").read_text(encoding="utf-8")


@solara.component
def MarketPage() -> None:
    """One visitor's page, with a market of her own."""
    choices = solara.use_reactive(Choices())
    built: solara.Reactive[BuiltMarket] = solara.use_reactive(solara.use_memo(lambda: build(Choices()), []))
    refused: solara.Reactive[str | None] = solara.use_reactive(None)

    def choose(new: Choices) -> None:
        refused.value = None
        choices.value = new

    solara.Title("FL-Market")
    solara.Style(STYLE)
    with solara.Div(classes=["layout"]):
        with solara.Div(classes=["player"]):
            Player(built, choices, refused)
            Notice(built, choices, refused)
        with solara.Div(classes=["controls"]):
            Controls(choices.value, choose)
        with solara.Div(classes=["page"]):
            Panels(built.value.model)


@solara.component
def Panels(model: FLMarket) -> None:
    """Everything that shows the market; a section that is not shown is not drawn."""
    shown: solara.Reactive[list[str]] = solara.use_reactive(list(SECTIONS))
    Headline(model)
    solara.ToggleButtonsMultiple(value=shown, values=list(SECTIONS), dense=True, classes=["sections"])
    for question, panels in SECTIONS.items():
        if question not in shown.value:
            continue
        text("h2", question)
        with solara.Div(classes=["panels"]):
            for panel in panels:
                with solara.Div(classes=["panel", "wide"] if panel in WIDE else ["panel"]):
                    panel(model)
