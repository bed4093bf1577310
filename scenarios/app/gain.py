"""Panel: the gain from lying, live, with its band."""

from __future__ import annotations

import solara

from analysis.plots.live import gain_figure
from market_sim.model import FLMarket
from scenarios.app.history import history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import NOTHING_YET, Panel


@solara.component
def GainPanel(model: FLMarket) -> None:
    """What a lie brings on average, round after round."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "Does lying pay?",
        "The gain from a lie is what the liar earned less what the truth would have earned her in the same round, in "
        "per cent of what all her data and privacy are worth to her. Below the line lying costs. Triangles: the best "
        "lie of every round; one above the line is a lie that paid.",
        (lambda: gain_figure(history.gains)) if history.misreports else None,
        (model, model.steps),
        instead="Nobody has lied so far." if model.steps else NOTHING_YET,
    )
