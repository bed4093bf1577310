"""Panel: one round's market as a picture."""

from __future__ import annotations

import pandas as pd
import solara

from analysis.plots.live_round import prices_chart, sold_chart
from scenarios.app.answer import NOTHING_YET
from scenarios.app.choices import spoken
from scenarios.app.elements import show_chart, text
from scenarios.app.history import View
from scenarios.app.market import Market
from scenarios.app.round_tables import offer_table
from scenarios.app.visit import Visit

MAX_ROWS = 30
NOT_KEPT = "Of this round only the sums are kept: look at a later one."


@solara.component
def LastRoundPanel(visit: Visit) -> None:
    """Who was offered what, sold what, at what price."""
    main = visit.pair.value.main
    view = visit.view(main)
    bidders = sum(len(record.owners) for record in view.latest)
    with solara.v.Html(tag="section", class_="panel wide"):
        text("h3", "Who was offered what, sold what, at what price?")
        if not bidders:
            text("p", NOT_KEPT if view.count else NOTHING_YET, "nothing")
            return
        offers = offers_of(main, view)
        with solara.Div(classes=["thirds"]):
            show_chart(prices_chart(offers), "prices")
            show_chart(sold_chart(offers, what="privacy"), "privacy-sold")
            show_chart(sold_chart(offers, what="records"), "records-sold")
        limited = f" The {MAX_ROWS} of {bidders:,} bidders with the most data." if bidders > MAX_ROWS else ""
        text(
            "p",
            "A row is a bidder, the largest at the top. A filled disc is the price she was paid for a record, an open "
            "one a price she turned down, the tick what it would really cost her, the cross what a liar says it costs; "
            "the stroke between is green for profit, orange for loss. "
            "Middle and right: what she sold, before what she has. Auctions without price lists name no price to "
            "those who sell nothing." + limited,
            "caption",
        )


def offers_of(main: Market, view: View) -> pd.DataFrame:
    """The bidders with the most data in the last round, of all buyers."""
    tables = [offer_table(record, main.history.price_list(record, main.model)) for record in view.latest]
    largest = pd.concat(tables).sort_values("data_size", ascending=False, kind="stable")
    shown = largest.head(MAX_ROWS).reset_index(drop=True)
    return shown.assign(strategy=shown["strategy"].map(spoken))
