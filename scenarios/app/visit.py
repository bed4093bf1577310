"""One visitor: where she is, the markets she looks at, and what she does with them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import solara

from scenarios.app.address import Place, beside_choices
from scenarios.app.choices import Choices, objection
from scenarios.app.history import View
from scenarios.app.market import SHELF, Market
from scenarios.app.presets import PRESETS, preset_of
from scenarios.app.problems import in_words

FIRST_ROUNDS = 40
"""Rounds that a market of the visitor's own plays at once, before she presses Play."""

LONGEST_DRAWING = 5.0
"""Seconds after which the next round is played though the page was not drawn."""


@dataclass(frozen=True, eq=False)
class Pair:
    """The market that is shown, and the one beside it, if any."""

    main: Market
    beside: Market | None = None

    def __iter__(self) -> Iterator[Market]:
        return iter([self.main] if self.beside is None else [self.main, self.beside])

    def own(self) -> Pair:
        """The same as the visitor's own."""
        return Pair(self.main.own(), None if self.beside is None else self.beside.own())


@dataclass(eq=False)
class Visit:
    """Everything that one visitor changes; only one of her clicks moves her markets at a time.

    Parameters
    ----------
    draft : reactive Place
        What her controls say; the address says what is shown.
    pair : reactive Pair
    tick : reactive int
        Counts what was played, so that the page is drawn anew.
    at : reactive int, optional
        The round that is looked back at; None for the latest.
    playing : reactive bool
    until : reactive int, optional
        Where playing ends by itself.
    at_once : reactive int
        Rounds between two pictures.
    problem, busy : reactive str, optional
        What went wrong, and what is going on, in words of the page.
    owner : reactive int, optional
        Whose card is shown.
    left : callable
        Whether the visitor has left.
    drawn : Event
        Set when the page has been drawn: playing waits for it, or rounds would come faster than they can be drawn.
    """

    draft: solara.Reactive[Place]
    pair: solara.Reactive[Pair]
    left: Callable[[], bool] = lambda: False
    tick: solara.Reactive[int] = field(default_factory=lambda: solara.Reactive(0))
    at: solara.Reactive[int | None] = field(default_factory=lambda: solara.Reactive(None))
    playing: solara.Reactive[bool] = field(default_factory=lambda: solara.Reactive(False))
    until: solara.Reactive[int | None] = field(default_factory=lambda: solara.Reactive(None))
    at_once: solara.Reactive[int] = field(default_factory=lambda: solara.Reactive(1))
    problem: solara.Reactive[str | None] = field(default_factory=lambda: solara.Reactive(None))
    busy: solara.Reactive[str | None] = field(default_factory=lambda: solara.Reactive(None))
    owner: solara.Reactive[int | None] = field(default_factory=lambda: solara.Reactive(None))
    lock: threading.Lock = field(default_factory=threading.Lock)
    drawn: threading.Event = field(default_factory=threading.Event)

    def view(self, market: Market) -> View:
        """The market as it stood at the round looked at."""
        self.tick.get()
        return market.history.view(self.at.value)

    def doing(self, what: Callable[..., None]) -> Callable[..., None]:
        """Return a handler that says what goes wrong instead of failing."""

        def handle(*values: Any) -> None:
            try:
                what(*values)
            except Exception as error:  # whatever a browser sends, the page stays
                self.problem.value = in_words(error)

        return handle

    def choose(self, **changes: Any) -> None:
        """Change the draft."""
        self.problem.value = None
        draft = self.draft.value
        self.draft.value = replace(draft, choices=replace(draft.choices, **changes))

    def load(self, place: Place, stopped: Callable[[], bool]) -> None:
        """Show the markets of an address: from the shelf, played now if they are presets, or built and begun."""
        self.playing.value, self.at.value, self.owner.value, self.problem.value = False, None, None, None
        against = objection(place.choices)
        if against is not None:
            self.problem.value = f"{against} The market before is still shown."
            return
        try:
            self.busy.value = "Playing the market…"
            main = self._market(place.choices, stopped)
            other = beside_choices(place)
            beside = None if other is None else self._beside(other, main.rounds, stopped)
            if not stopped():
                self.pair.value = Pair(main, beside)
                if main.rounds < FIRST_ROUNDS and main.model.running:
                    self.until.value, self.playing.value = FIRST_ROUNDS, True
        except Exception as error:  # likewise: the last good market stays
            self.problem.value = f"This market cannot be built: {in_words(error)} The market before is still shown."
        finally:
            self.busy.value = None

    def _market(self, choices: Choices, stopped: Callable[[], bool]) -> Market:
        known = SHELF.get(choices)
        if known is not None:
            return known
        for preset in PRESETS.values():
            if preset.choices == choices:
                return SHELF.played(choices, preset.rounds, stopped)
        return Market.of(choices)

    def _beside(self, choices: Choices, rounds: int, stopped: Callable[[], bool]) -> Market:
        known = SHELF.get(choices)
        if known is not None and known.rounds == rounds:
            return known
        market = Market.of(choices)
        market.play(rounds, stopped)
        return market

    def reset(self) -> None:
        """Build the shown market anew, before its first round."""
        self.playing.value, self.at.value, self.problem.value = False, None, None
        pair = self.pair.value
        self.pair.value = Pair(*(Market.of(market.choices) for market in pair))
        self.tick.value += 1

    def step(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Play so many rounds as one picture shows; whether that went well."""
        with self.lock:
            try:
                pair = self.pair.value.own()
                self.at.value = None
                rounds = self.at_once.value
                if self.until.value is not None:
                    rounds = max(1, min(rounds, self.until.value - pair.main.rounds))
                for market in pair:
                    market.play(rounds, lambda: stopped() or self.left())
                if pair.main is not self.pair.value.main:
                    self.pair.value = pair
            except Exception as error:  # whatever goes wrong in a round, the page stays
                self.problem.value = f"The round could not be played: {in_words(error)}"
                return False
        self.tick.value += 1
        return True

    def play(self, stop: threading.Event) -> None:
        """Play until the market ends, the visitor pauses or leaves, or the round comes that it was to stop at."""
        while self.playing.value and not stop.is_set() and not self.left():
            main, until = self.pair.value.main, self.until.value
            if not main.model.running or (until is not None and main.rounds >= until):
                break
            self.drawn.clear()
            if not self.step(lambda: stop.is_set() or not self.playing.value):
                break
            self.drawn.wait(LONGEST_DRAWING)
        if not stop.is_set():
            self.playing.value, self.until.value = False, None

    @property
    def changed(self) -> bool:
        """Whether the controls say something else than what is shown."""
        draft, main = self.draft.value, self.pair.value.main
        beside = self.pair.value.beside
        shown_beside = None if beside is None else beside.choices
        return draft.choices != main.choices or beside_choices(draft) != shown_beside

    @property
    def preset(self) -> str:
        """The preset that is shown, if it is one."""
        beside = self.draft.value.beside if self.pair.value.beside is not None else ""
        return preset_of(self.pair.value.main.choices, beside)


def leaving() -> Callable[[], bool]:
    """Return what says whether the visitor for whom the page is drawn has left: closed it, or lost the connection."""
    from solara.server import kernel_context

    context = None
    with contextlib.suppress(RuntimeError):
        context = kernel_context.get_current_context()

    def left() -> bool:
        if context is None:
            return False
        connected = kernel_context.PageStatus.CONNECTED in context.page_status.values()
        return context.closed_event.is_set() or (bool(context.page_status) and not connected)

    return left
