"""Play, step and reset, as Mesa has them; what cannot be built or played is reported, the last good market stays."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import solara

from market_sim.model import FLMarket
from scenarios.app.choices import BuiltMarket, Choices, build
from scenarios.app.history import history_of
from scenarios.app.mesa import ShowSteps, force_update, update_counter


@dataclass
class Session:
    """One visitor's market: only one of her clicks moves it at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, model: FLMarket, rounds: int, stop: threading.Event | None = None) -> None:
        """Play up to so many rounds, fewer at the market's end or when ``stop`` is set."""
        with self.lock:
            for _ in range(rounds):
                if not model.running or (stop is not None and stop.is_set()):
                    return
                model.step()
                history_of(model)


@solara.component
def Player(
    built: solara.Reactive[BuiltMarket], choices: solara.Reactive[Choices], refused: solara.Reactive[str | None]
) -> None:
    """The buttons, how fast to play, and how many rounds to play between two pictures."""
    update_counter.get()
    playing = solara.use_reactive(False)
    pause = solara.use_reactive(100)
    at_once = solara.use_reactive(1)
    session = solara.use_memo(Session, [])
    model = built.value.model

    def play(stop: threading.Event) -> None:
        while playing.value and model.running and not stop.is_set():
            if not step(stop):
                break
            stop.wait(pause.value / 1000)
        if not stop.is_set():
            playing.value = False

    def step(stop: threading.Event | None = None) -> bool:
        try:
            session.play(model, at_once.value, stop)
        except Exception as error:  # whatever goes wrong in a round, the app stays and reports it
            refused.value = f"The round could not be played: {error}"
            return False
        force_update()
        return True

    def reset() -> None:
        playing.value = False
        try:
            built.value = build(choices.value)
        except Exception as error:  # likewise: the last good market stays
            refused.value = f"This market cannot be built: {error}"
        else:
            refused.value = None

    # Not intrusive: a round that has begun is played to its end.
    solara.use_thread(play, dependencies=[playing.value, model], intrusive_cancel=False)
    with solara.Row(justify="space-between", classes=["buttons"]):
        solara.Button(label="Reset", color="primary", outlined=True, on_click=reset)
        solara.Button(
            label="❚❚" if playing.value else "▶",
            color="primary",
            on_click=lambda: playing.set(not playing.value),
            disabled=not model.running,
        )
        solara.Button(
            label="Step", color="primary", outlined=True, on_click=step, disabled=playing.value or not model.running
        )
    ShowSteps(model)
    solara.SliderInt("Pause (ms)", value=pause, min=0, max=1000, step=50)
    solara.SliderInt("Rounds per picture", value=at_once, min=1, max=50)
