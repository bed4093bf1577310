"""The whole page: presets and controls at the side, the answer and its panels in the middle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import solara

from scenarios.app.address import Place, read, written
from scenarios.app.answer import Answer
from scenarios.app.choices import Choices, objection
from scenarios.app.controls import Controls, Presets
from scenarios.app.elements import Button, markup, text
from scenarios.app.guarantees import GuaranteesPanel
from scenarios.app.last_round import LastRoundPanel
from scenarios.app.market import SHELF
from scenarios.app.offers import NotOfferedError
from scenarios.app.owners import OwnersPanel
from scenarios.app.panels import AccuracyPanel, BoundPanel, GainPanel, MoneyPanel, PrivacyPanel
from scenarios.app.player import Player
from scenarios.app.presets import OPENING, PRESETS
from scenarios.app.sharing import Sharing
from scenarios.app.visit import Pair, Visit, leaving

SECTIONS = {
    "Who gains, who pays": (GainPanel, MoneyPanel, PrivacyPanel),
    "What is learned": (AccuracyPanel, BoundPanel),
    "The owners": (OwnersPanel,),
    "The round up close": (LastRoundPanel,),
    "Promises": (GuaranteesPanel,),
}
"""Panels by what they are about; one section is shown, and only that is drawn."""

STYLE = (Path(__file__).parent / "app.css").read_text(encoding="utf-8")
HOW = """<summary>How does this work?</summary>
<p>A buyer wants a model that learns from data which never leave their owners. Every round she offers a sum of money;
owners say what giving up privacy would cost them; an auction decides who sells how much of it, and for what. Each
seller adds noise to her contribution, less of it the more privacy she sold.</p>
<p>Some owners lie: about their costs, about how much they tolerate, about how much data they have. As this market is
simulated, every lie can be played twice: we see what the truth would have earned her in the same round, everything else
unchanged. The difference is her gain from lying.</p>
<p>Press <b>Play</b> to go on, or <b>Step</b> for one round; slide back through the rounds, and all panels follow. To
change the market, move its controls, then press <b>Reset</b>. The address of this page holds all settings.</p>"""


@solara.component
def MarketPage() -> None:
    """One visitor's page: the opening market, shared by all, until she makes one of her own."""
    router = solara.use_router()
    place = solara.use_memo(lambda: read(router.search), [router.search])
    visit = solara.use_memo(_arrive, [])
    visit.left = leaving()
    again = solara.use_reactive(0)

    def load(stop: Any) -> None:
        visit.draft.value = _with_file(place, visit.draft.value)
        visit.load(visit.draft.value, stop.is_set)
        if place.left_out and visit.problem.value is None:
            visit.problem.value = f"The address asks for what is not offered. {'. '.join(place.left_out)}."

    solara.use_thread(load, dependencies=[router.search or "", again.value], intrusive_cancel=False)

    def go(new: Place) -> None:
        address = written(new)
        visit.draft.value = new
        if address == written(read(router.search)):
            again.value += 1
        else:
            router.push(f"/?{address}" if address else "/")

    def reset() -> None:
        against = objection(visit.draft.value.choices)
        if against is not None:
            raise NotOfferedError(against.rstrip("."))
        if visit.changed:
            go(visit.draft.value)
        else:
            visit.reset()

    def show(name: str) -> None:
        preset = PRESETS[name]
        go(Place(preset.choices, preset.beside))

    solara.Title("FL-Market: does lying pay here?")
    solara.Style(STYLE)
    with solara.Div(classes=["layout"]):
        with solara.v.Html(tag="header", class_="top"):
            text("p", "FL-Market", "brand")
            text("p", "a market in which people sell privacy, and may lie about its price", "claim")
            markup("details", HOW, "how")
        with solara.Div(classes=["page"]):
            Answer(visit)
            Player(visit, reset)
            Notice(visit)
            Panels(visit)
            Sharing(visit)
        with solara.v.Html(tag="aside", class_="side", attributes={"aria-label": "Change the market"}):
            text("h2", "Markets worth a look")
            Presets(visit, visit.doing(show))
            text("h2", "A market of your own")
            Controls(visit)


def _arrive() -> Visit:
    """A visitor who has just come: she sees the opening market."""
    preset = PRESETS[OPENING]
    opening = SHELF.played(preset.choices, preset.rounds)
    return Visit(solara.Reactive(Place(Choices())), solara.Reactive(Pair(opening)))


def _with_file(place: Place, draft: Place) -> Place:
    """The place of an address, with the file of owners that it names if the page has it."""
    population = draft.choices.population
    if place.asked_for and population is not None and population.sha256 == place.asked_for:
        return replace(place, choices=replace(place.choices, population=population), asked_for="")
    return place


@solara.component
def Notice(visit: Visit) -> None:
    """What is wrong, changed or warned of, if anything is."""
    visit.tick.get()
    main = visit.pair.value.main
    with solara.v.Html(tag="div", class_="notices", attributes={"role": "status"}):
        against = objection(visit.draft.value.choices) if visit.changed else None
        if visit.busy.value:
            text("p", visit.busy.value, "notice", "busy")
        elif visit.problem.value is not None:
            text("p", visit.problem.value, "notice", "wrong")
        elif against is not None:
            text("p", against, "notice", "wrong")
        elif visit.changed:
            text("p", "You have changed the market: press Reset to play it.", "notice", "changed")
        if visit.draft.value.asked_for:
            text("p", "The address names a file of owners: choose it again, among The people.", "notice", "wrong")
        for warning in dict.fromkeys([*main.warnings, *main.model.outside_training]):
            text("p", warning, "notice")


@solara.component
def Panels(visit: Visit) -> None:
    """The sections, one at a time."""
    shown = solara.use_reactive(next(iter(SECTIONS)))
    with solara.v.Html(tag="div", class_="tabs", attributes={"role": "group", "aria-label": "Sections"}):
        for name in SECTIONS:
            pressed = {"aria-pressed": "true" if name == shown.value else "false"}
            Button(name, lambda name=name: shown.set(name), kind="tab", attributes=pressed).key(name)
    with solara.Div(classes=["panels"]):
        for panel in SECTIONS[shown.value]:
            panel(visit).key(panel.__name__)
