"""Panel: privacy spent."""

from __future__ import annotations

import solara

from analysis.plots.live import privacy_figure
from market_sim.model import FLMarket
from scenarios.app.history import history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel


@solara.component
def PrivacyPanel(model: FLMarket) -> None:
    """Privacy loss that owners have added up over the rounds."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "What do the owners pay, in privacy?",
        "What an owner sells is privacy loss, ε: the larger, the less noise hides her data. Losses add up over the "
        "rounds. A sum of 1 keeps much hidden; one of 10 or more promises nearly nothing against whoever keeps all she "
        "sent.",
        (lambda: privacy_figure(history.privacy, allowance=model.config.lifetime_allowance)) if model.steps else None,
        (model, model.steps),
    )
