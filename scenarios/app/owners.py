"""Panel: the owners on their network."""

from __future__ import annotations

import numpy as np
import pandas as pd
import solara
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.plots.live_owners import owners_figure
from market_sim.model import FLMarket
from scenarios.app.history import History, history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import Panel
from scenarios.app.positions import owner_positions

COLOURED_BY = ("strategy", "gain")


@solara.component
def OwnersPanel(model: FLMarket) -> None:
    """Owners where they stand, coloured by how they bid or by what lying brought them."""
    update_counter.get()
    by = solara.use_reactive(COLOURED_BY[0])
    history = history_of(model)
    Panel(
        "Who is in this market?",
        "Every disc is an owner, its area the records she holds. By strategy: how she bids. By gain: what her lies "
        "have brought her so far compared with the truth; pale means nothing, purple that lying cost her. Lines, "
        "where the market has a network, join owners who know one another.",
        lambda: _draw(model, history, by.value),
        (model, model.steps, by.value),
        children=[solara.ToggleButtonsSingle(value=by, values=list(COLOURED_BY), dense=True)],
    )


def _draw(model: FLMarket, history: History, by: str) -> Figure:
    population, count = model.population, model.config.owners
    graph = None if model.grid is None else model.grid.G
    position = owner_positions(graph, count)
    bids = np.zeros(count, dtype=bool)
    for record in history.latest:
        bids[record.owners.numpy()] = True
    owners = pd.DataFrame(
        {
            "x": position[:, 0],
            "y": position[:, 1],
            "strategy": np.array(population.groups.names)[population.groups.group.numpy()],
            "data_size": population.types.data_size[0].numpy(),
            "gain": history.gain_by_owner,
            "bids": bids,
            "active": population.active.numpy(),
        }
    )
    edges: NDArray[np.int64] = np.array([] if graph is None else list(graph.edges), dtype=np.int64).reshape(-1, 2)
    return owners_figure(owners, edges, by=by)
