"""Panel: the price list of one owner, as she found it in the last round she bid in."""

from __future__ import annotations

import solara
from matplotlib.figure import Figure

from agents.broker.auctions.base import MenuAuction
from analysis.plots.live_round import price_list_figure
from market_sim.model import FLMarket
from scenarios.app.history import History, history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import NOTHING_YET, Panel
from scenarios.app.round_tables import cost_curves, price_list_table

CAPTION = (
    "Each disc is an entry she may pick: so much privacy loss on so many records at such a price. The auction picks "
    "for her, by her bid. Because nothing she says can move the list, a lie can only make it pick an entry that suits "
    "her less: the star against the ring."
)
NO_LISTS = (
    "This auction has no price lists: what an owner is paid depends on everybody's bids, her own included. Choose "
    "sequential-menu or residual-menu to see lists that no lie can move."
)
SEVERAL_NAMES = "In this round somebody bid under several names, and every name had a price list of its own."


@solara.component
def PriceListPanel(model: FLMarket) -> None:
    """What one owner could choose from."""
    update_counter.get()
    chosen: solara.Reactive[int | None] = solara.use_reactive(None)
    history = history_of(model)
    owner = chosen.value if chosen.value in history.last_bid else _default_owner(history)
    has_list = owner is not None and history.price_list(history.last_bid[owner][0], model) is not None

    def label(owner: int) -> str:
        return f"{owner}: {model.population.groups.strategy_of(owner)}"

    def choose(text: str) -> None:
        chosen.value = int(text.partition(":")[0])

    controls = []
    last_bid = ""
    if owner is not None:
        names = [label(each) for each in sorted(history.last_bid)]
        controls = [solara.Select("Owner", values=names, value=label(owner), on_value=choose)]
        last_bid = f" Owner {owner} last bid in round {history.last_bid[owner][0].round + 1}."
    Panel(
        "One owner's price list",
        CAPTION + last_bid if has_list else "",
        (lambda: _draw(model, history, owner)) if has_list and owner is not None else None,
        (model, owner, history.last_bid.get(owner, (None,))[0] if owner is not None else None),
        instead=NOTHING_YET
        if owner is None
        else SEVERAL_NAMES
        if isinstance(model.broker.auction, MenuAuction)
        else NO_LISTS,
        children=controls,
    )


def _default_owner(history: History) -> int | None:
    """Return the deviator of the last round with the most data; if all were truthful, the bidder with the most."""
    for record in history.latest:
        # Deviators come before everybody else: no data size reaches 10**12.
        size = record.types.data_size[0] + (record.untruthful[0] * 10**12)
        if len(size):
            return int(record.owners[size.argmax()])
    return None


def _draw(model: FLMarket, history: History, owner: int) -> Figure:
    record, place = history.last_bid[owner]
    menu = history.price_list(record, model)
    assert menu is not None
    budget = float(record.types.privacy_budget[0, place])
    return price_list_figure(price_list_table(record, menu, place), cost_curves(record, place), privacy_budget=budget)
