"""Panel: utility of liars and truth-tellers against what the truth would have brought."""

from __future__ import annotations

import solara

from analysis.plots.live_owners import utilities_figure
from market_sim.model import FLMarket
from scenarios.app.history import REMEMBERED_BIDS, history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel


@solara.component
def UtilitiesPanel(model: FLMarket) -> None:
    """The latest bids, each beside the same bid told truthfully."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "What did each bid earn, and what would the truth have earned?",
        "Every mark is a bid. To the right: what she would have earned by telling the truth, all others unchanged. "
        "Upwards: what she did earn, less what her privacy really cost her. Who tells the truth is on the diagonal; a "
        f"mark above it is a lie that paid. The latest {REMEMBERED_BIDS:,} bids; those far out are drawn on the edge.",
        (lambda: utilities_figure(history.bids)) if model.steps else None,
        (model, model.steps),
    )
