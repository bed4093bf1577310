"""Panel: the error bound, with the first best where it is searched for."""

from __future__ import annotations

import solara

from analysis.plots.live import bound_figure
from market_sim.model import FLMarket
from scenarios.app.history import history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel


@solara.component
def BoundPanel(model: FLMarket) -> None:
    """How far the bought gradient may be from the true one."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "How good is what was bought?",
        "The error bound says how far the sum of the noisy contributions may lie from what all the bidders' data would "
        "say: noise, plus whoever is missing. Lower is better. The first best (a checkbox among the controls) is the "
        "lowest that the same money could buy if nobody's cost were a secret.",
        (lambda: bound_figure(history.rounds)) if model.steps else None,
        (model, model.steps),
    )
