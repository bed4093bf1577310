"""A market on the page: its choices, the model that plays it, its history; and the markets that all visitors share."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from market_sim.model import FLMarket
from market_sim.results import Results
from market_sim.run import manifest_of
from scenarios.app.choices import Choices, build
from scenarios.app.history import History
from scenarios.app.presets import OPENING, PRESETS


@dataclass(eq=False)
class Market:
    """A market that is played; ``shared`` ones belong to all visitors and are only looked at."""

    choices: Choices
    model: FLMarket
    history: History
    warnings: tuple[str, ...] = ()
    shared: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, choices: Choices) -> Market:
        """Build one; raises what ``choices.build`` raises."""
        model, warnings = build(choices)
        return cls(choices, model, History(model), warnings)

    def play(self, rounds: int, stopped: Callable[[], bool] = lambda: False) -> None:
        """Play up to so many rounds, fewer at the market's end or when it is stopped; one thread at a time."""
        assert not self.shared, "a shared market is only looked at"
        with self.lock:
            for _ in range(rounds):
                if not self.model.running or stopped():
                    return
                self.model.step()
                self.history.update(self.model)

    def own(self) -> Market:
        """Return a market that goes on from here, for one visitor alone; itself if it is hers already."""
        if not self.shared:
            return self
        with self.lock:
            return replace(
                self,
                model=copy.deepcopy(self.model),
                history=self.history.copy(),
                shared=False,
                lock=threading.Lock(),
            )

    @property
    def rounds(self) -> int:
        """How many rounds were played."""
        return len(self.history.played)

    def results(self) -> Results:
        """The run so far, as ``run_market`` leaves it behind."""
        with self.lock:
            tables = self.model.tables()
            manifest = manifest_of(self.model.config, self.choices.seed, self.model)
        manifest["rounds_completed"], manifest["interrupted"] = self.rounds, self.model.running
        return Results.of(tables, manifest)


class Shelf:
    """Markets that come played, computed once and shared by all visitors."""

    def __init__(self) -> None:
        self._markets: dict[Choices, Market] = {}
        self._lock = threading.Lock()
        self._playing: dict[Choices, threading.Lock] = {}

    def get(self, choices: Choices) -> Market | None:
        """The market of these choices, if it is there."""
        return self._markets.get(choices)

    def played(self, choices: Choices, rounds: int, stopped: Callable[[], bool] = lambda: False) -> Market:
        """The market of these choices, played now if nobody has; two who ask at once wait for the same one."""
        with self._lock:
            turn = self._playing.setdefault(choices, threading.Lock())
        with turn:
            market = self._markets.get(choices)
            if market is None:
                market = Market.of(choices)
                for _ in range(rounds):
                    if stopped():
                        return market
                    market.play(1)
                    time.sleep(0)
                market.shared = True
                self._markets[choices] = market
        return market

    def fill(self) -> None:
        """Play every preset, the opening first; others wait until it is their turn."""
        for preset in (PRESETS[OPENING], *PRESETS.values()):
            self.played(preset.choices, preset.rounds)


SHELF = Shelf()
