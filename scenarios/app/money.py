"""Panel: budget and spend."""

from __future__ import annotations

import solara

from analysis.plots.live import money_figure
from market_sim.model import FLMarket
from scenarios.app.history import history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel


@solara.component
def MoneyPanel(model: FLMarket) -> None:
    """What the buyer offered and what she spent."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "What does the buyer pay?",
        "Before anybody bids, the buyer names the most she will spend in the round; the auction may not exceed it, and "
        "need not use it up. The budget factor says how this sum compares with the cost of all that the bidders have.",
        (lambda: money_figure(history.rounds)) if model.steps else None,
        (model, model.steps),
    )
