"""Panel: the owners on their network, and the card of one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import solara
from numpy.typing import NDArray

from agents.broker.auctions.base import MenuAuction
from analysis.formatting import NOTHING, rounded
from analysis.plots.live import LiveChart
from analysis.plots.live_owners import owners_chart
from analysis.plots.live_round import price_list_charts
from market_sim.record import RoundRecord
from scenarios.app.answer import NOTHING_YET
from scenarios.app.choices import spoken
from scenarios.app.elements import Pick, picked, show_chart, text
from scenarios.app.history import View
from scenarios.app.market import Market
from scenarios.app.offers import NotOfferedError
from scenarios.app.positions import owner_positions
from scenarios.app.round_tables import cost_curves, price_list_table
from scenarios.app.visit import Visit

COLOURED_BY = {"strategy": "how they bid", "gain": "what lying brought them"}
CAPTION = (
    "Each disc is an entry she may pick: so much privacy loss on so many records (its area) at such a price. The "
    "auction picks for her, by her bid (diamond); the ring is what suits her best. No lie of hers can improve the "
    "list: it can only take entries away, or make the auction pick one that suits her less."
)
NO_LISTS = "This auction has no price lists: what an owner is paid depends on everybody's bids, her own included."
SEVERAL_NAMES = "In this round somebody bid under several names, and every name had a price list of its own."


@solara.component
def OwnersPanel(visit: Visit) -> None:
    """Owners where they stand, coloured by how they bid or by what lying brought them; a click opens a card."""
    by = solara.use_reactive("strategy")
    main = visit.pair.value.main
    view = visit.view(main)

    def colour(value: Any) -> None:
        by.value = picked(value, list(COLOURED_BY))

    def pick(owner: Any) -> None:
        if isinstance(owner, bool) or not isinstance(owner, int) or not 0 <= owner < main.model.config.owners:
            raise NotOfferedError("Owner: choose one of the market's")
        visit.owner.value = owner

    clicks = solara.use_reactive(0)

    def click(owner: Any) -> None:
        pick(owner)
        clicks.value += 1

    with solara.Div(classes=["panels"]):
        with solara.v.Html(tag="section", class_="panel"):
            text("h3", "Who is in this market?")
            items = [{"value": key, "text": words} for key, words in COLOURED_BY.items()]
            Pick(label="Coloured by", items=items, value=by.value, on_value=visit.doing(colour))
            show_chart(_map(main, view, by.value), "owners", visit.doing(click))
            text(
                "p",
                "Every disc is an owner, its area the records she holds; outlined, she bid in the last round. Lines "
                "join owners who know one another. Click a disc for her card.",
                "caption",
            )
        _Card(visit, main, pick, clicks.value)


def _map(main: Market, view: View, by: str) -> LiveChart:
    population, count = main.model.population, main.model.config.owners
    graph = None if main.model.grid is None else main.model.grid.G
    position = owner_positions(graph, count)
    bids = np.zeros(count, dtype=bool)
    for record in view.latest:
        bids[record.owners.numpy()] = True
    owners = pd.DataFrame(
        {
            "x": position[:, 0],
            "y": position[:, 1],
            "strategy": np.array(population.groups.names)[population.groups.group.numpy()],
            "data_size": population.types.data_size[0].numpy(),
            "gain": view.gain_by_owner,
            "bids": bids,
            "active": view.active,
        }
    )
    edges: NDArray[np.int64] = np.array([] if graph is None else list(graph.edges), dtype=np.int64).reshape(-1, 2)
    return owners_chart(owners, edges, by=by, titles={name: spoken(name) for name in population.groups.names})


@solara.component
def _Card(visit: Visit, main: Market, pick: Any, clicks: int) -> None:
    """Everything about one owner."""
    view = visit.view(main)
    owner = visit.owner.value
    if owner is None or owner >= main.model.config.owners:
        owner = default_owner(view)
    strategy_of = main.model.population.groups.strategy_of
    names = {str(each): f"{each}: {spoken(strategy_of(each))}" for each in range(main.model.config.owners)}

    def choose(value: Any) -> None:
        pick(int(picked(value, list(names))))

    with solara.v.Html(tag="section", class_="panel", attributes={"aria-live": "polite"}):
        text("h3", "One owner's card")
        items = [{"value": key, "text": words} for key, words in names.items()]
        # A list that is made anew shows who was clicked; while one picks from it, it stays and keeps the focus.
        Pick(label="Owner", items=items, value=str(owner), on_value=visit.doing(choose)).key(f"owner-{clicks}")
        with solara.v.Html(tag="dl", class_="card"):
            for term, words in card(main, view, owner).items():
                text("dt", term)
                text("dd", words)
        last = view.last_bid.get(owner)
        if last is None:
            text("p", "She has not bid so far." if view.count else NOTHING_YET, "nothing")
        elif (charts := price_lists(main, last)) is None:
            menus = isinstance(main.model.broker.auction, MenuAuction)
            text("p", SEVERAL_NAMES if menus else NO_LISTS, "nothing")
        else:
            text("h4", f"Her price list in round {last[0].round + 1:,}")
            with solara.Div(classes=["halves"]):
                for each, name in zip(charts, ("price-list", "profits"), strict=True):
                    show_chart(each, name)
            text("p", CAPTION, "caption")


def default_owner(view: View) -> int:
    """Return the deviator of the last round with the most data; if all were truthful, the bidder with the most."""
    for record in view.latest:
        # Deviators come before everybody else: no data size reaches 10**12.
        size = record.types.data_size[0] + (record.untruthful[0] * 10**12)
        if len(size):
            return int(record.owners[size.argmax()])
    return 0


def card(main: Market, view: View, owner: int) -> dict[str, str]:
    """What is known of an owner: who she is, what she said, what came of it, by what it is."""
    population = main.model.population
    types = population.types
    allowance = main.model.config.lifetime_allowance
    sold = float(view.sold_by_owner[owner])
    left = NOTHING if allowance is None else rounded(max(0.0, allowance - sold), 3)
    gain = float(view.gain_by_owner[owner])
    lines = {
        "How she bids": spoken(population.groups.strategy_of(owner)),
        "She holds": f"{int(types.data_size[0, owner]):,} records",
        "She tolerates": f"ε̄ {rounded(float(types.privacy_budget[0, owner]), 3)} a round",
        "Sold so far": f"ε {rounded(sold, 3)}" + ("" if allowance is None else f", {left} of her allowance left"),
        "Her lies brought": f"{rounded(100 * gain, 3)} % of her cost" if gain else "nothing",
    }
    if main.model.grid is not None:
        near = sorted(main.model.grid.G.neighbors(owner))
        lines["She knows"] = ", ".join(map(str, near[:12])) + (" …" if len(near) > 12 else "") or "nobody"
    last = view.last_bid.get(owner)
    if last is not None:
        lines.update(_bid_lines(*last))
    if not view.active[owner]:
        lines["Now"] = "she has left the market"
    return lines


def _bid_lines(record: RoundRecord, place: int) -> dict[str, str]:
    """What she last bid, and what came of it."""
    true_size, said_size = int(record.types.data_size[0, place]), int(record.bids.data_size[0, place])
    true_loss, said_loss = float(record.types.privacy_budget[0, place]), float(record.bids.privacy_budget[0, place])
    at = record.types.privacy_budget[:, place : place + 1]
    curve = [float(side.valuation.at(_spread(side, at, place))[0, place]) for side in (record.types, record.bids)]
    said = [
        f"{said_size:,} records" + (f" (of {true_size:,})" if said_size != true_size else ""),
        f"ε̄ {rounded(said_loss, 3)}" + (f" (of {rounded(true_loss, 3)})" if said_loss != true_loss else ""),
        f"a cost of {rounded(curve[1], 3)} a record"
        + (f" (truly {rounded(curve[0], 3)})" if not np.isclose(curve[0], curve[1]) else ""),
    ]
    paid, loss = float(record.outcome.payment[0, place]), float(record.outcome.privacy_loss[0, place])
    got = f"sold ε {rounded(loss, 3)} on {int(record.outcome.data_size[0, place]):,} records for {rounded(paid, 4)}"
    profit, truth = float(record.utility[0, place]), float(record.truthful_utility[0, place])
    return {
        f"In round {record.round + 1:,} she said": ", ".join(said),
        "What came of it": f"{got if loss else 'sold nothing'}; her profit {rounded(profit, 3)}, "
        f"by the truth {rounded(truth, 3)}",
    }


def _spread(side: Any, at: Any, place: int) -> Any:
    """Everybody's own privacy budget, and at ``place`` the true one: curves are asked for all bidders at once."""
    asked = side.privacy_budget.clone()
    asked[:, place] = at[:, 0]
    return asked


def price_lists(main: Market, last: tuple[RoundRecord, int]) -> tuple[LiveChart, LiveChart] | None:
    """The price list that an owner found when she last bid; None if there is none."""
    record, place = last
    menu = main.history.price_list(record, main.model)
    if menu is None:
        return None
    budget = float(record.types.privacy_budget[0, place])
    return price_list_charts(price_list_table(record, menu, place), cost_curves(record, place), privacy_budget=budget)
