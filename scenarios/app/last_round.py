"""Panel: the last round's market as a picture."""

from __future__ import annotations

import pandas as pd
import solara
from matplotlib.figure import Figure

from analysis.plots.live_round import last_round_figure
from market_sim.model import FLMarket
from scenarios.app.history import History, history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel
from scenarios.app.round_tables import offer_table

MAX_ROWS = 30


@solara.component
def LastRoundPanel(model: FLMarket) -> None:
    """Who was offered what, sold what, at what price."""
    update_counter.get()
    history = history_of(model)
    bidders = sum(len(record.owners) for record in history.latest)
    limited = f" The {MAX_ROWS} of {bidders:,} bidders with the most data." if bidders > MAX_ROWS else ""
    Panel(
        "The last round: who was offered what, sold what, at what price?",
        "A row is a bidder, the largest at the top. Left: a filled disc is the price she was paid for a record, an "
        "open one a price she turned down, the stroke what it would really cost her; green is profit and orange a "
        "loss, made where the disc is filled and turned down where it is open. Middle and right: how much privacy and "
        "how many records she sold of what she has. Auctions without price lists name no price to those who sell "
        "nothing." + limited,
        (lambda: _draw(model, history)) if bidders else None,
        (model, model.steps),
    )


def _draw(model: FLMarket, history: History) -> Figure:
    tables = [offer_table(record, history.price_list(record, model)) for record in history.latest]
    largest = pd.concat(tables).sort_values("data_size", ascending=False, kind="stable")
    return last_round_figure(largest.head(MAX_ROWS).reset_index(drop=True))
