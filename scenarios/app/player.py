"""Play, step, reset, and looking back through the rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import solara

from scenarios.app.elements import Button, Pick, Slide, text
from scenarios.app.offers import NotOfferedError
from scenarios.app.visit import Visit

AT_ONCE = (1, 2, 5, 10, 25)


@solara.component
def Player(visit: Visit, reset: Callable[[], None]) -> None:
    """The buttons, the round that is looked at, and how many rounds one picture shows."""
    visit.tick.get()
    main = visit.pair.value.main
    playing, running, busy = visit.playing.value, main.model.running, visit.busy.value is not None
    solara.use_effect(visit.drawn.set)
    solara.use_thread(visit.play, dependencies=[playing], intrusive_cancel=False)

    def toggle() -> None:
        visit.until.value = None
        visit.playing.value = not visit.playing.value

    def step() -> None:
        visit.step()

    def look(value: Any) -> None:
        rounds = visit.pair.value.main.rounds
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= max(1, rounds):
            raise NotOfferedError("Round: choose one that was played")
        visit.at.value = None if value == rounds else value

    def at_once(value: Any) -> None:
        if value not in [str(each) for each in AT_ONCE]:
            raise NotOfferedError("Rounds per picture: choose one of the list")
        visit.at_once.value = int(value)

    shown = main.rounds if visit.at.value is None else min(visit.at.value, main.rounds)
    with solara.Div(classes=["player"]):
        Button(
            "Pause" if playing else "Play",
            visit.doing(toggle),
            kind="act",
            disabled=busy or not (running or playing),
        )
        Button("Step", visit.doing(step), disabled=busy or playing or not running)
        Button("Reset", visit.doing(reset), kind="changed" if visit.changed else "plain", disabled=busy)
        if main.rounds:
            Slide(
                label=f"Round {shown:,} of {main.model.config.rounds:,}",
                minimum=1,
                maximum=max(1, main.rounds),
                step=1,
                value=shown,
                moving=True,
                event_moved=visit.doing(look),
            )
        else:
            text("span", f"Round 0 of {main.model.config.rounds:,}", "label")
        items = [{"value": str(each), "text": str(each)} for each in AT_ONCE]
        Pick(label="Rounds per picture", items=items, value=str(visit.at_once.value), on_value=visit.doing(at_once))
