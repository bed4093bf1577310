"""Panel: test accuracy of the buyer's model."""

from __future__ import annotations

import solara

from analysis.plots.live import accuracy_figure
from market_sim.model import FLMarket
from scenarios.app.history import history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel


@solara.component
def AccuracyPanel(model: FLMarket) -> None:
    """How well the model does on records that nobody sold."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "Does the model learn?",
        "After every round the model is tried on records that nobody sold. What holds it back is the noise the owners "
        "add: choose the perturbation none to see what the same market would teach without it.",
        (lambda: accuracy_figure(history.rounds, chance=model.task.chance)) if model.steps else None,
        (model, model.steps),
    )
