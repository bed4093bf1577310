"""Panels that have no logic of their own: a question, how to read the answer, and a figure of the market's history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import solara
from matplotlib.figure import Figure

from analysis.formatting import counted, rounded
from analysis.plots.live import accuracy_figure, bound_figure, gain_figure, money_figure, privacy_figure
from analysis.plots.live_owners import utilities_figure
from analysis.summary import groups_summary
from market_sim.model import FLMarket
from scenarios.app.history import REMEMBERED_BIDS, History, history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import NOTHING_YET, Panel


def _figure_panel(title: str, caption: str, draw: Callable[[FLMarket, History], Figure]) -> Any:
    """Return a component of a model that draws its history from the first round on."""

    @solara.component
    def FigurePanel(model: FLMarket) -> None:
        update_counter.get()
        history = history_of(model)
        Panel(title, caption, (lambda: draw(model, history)) if model.steps else None, (model, model.steps))

    return FigurePanel


@solara.component
def GainPanel(model: FLMarket) -> None:
    """What a lie brings on average, round after round, with its band."""
    update_counter.get()
    history = history_of(model)
    Panel(
        "Does lying pay?",
        "The gain from a lie is what the liar earned less what the truth would have earned her in the same round, in "
        "per cent of what all her data and privacy are worth to her. Below the line lying costs. Triangles: the best "
        "lie of every round; one that points up is a lie that paid." + groups_caption(history.groups),
        (lambda: gain_figure(history.gains)) if history.misreports else None,
        (model, model.steps),
        instead="Nobody has lied so far." if model.steps else NOTHING_YET,
    )


def groups_caption(groups: pd.DataFrame) -> str:
    """What those who acted together earned, beside the same groups telling the truth; empty if nobody did."""
    if not len(groups):
        return ""
    each = [
        f"{row['strategy']}: {row['paid']:,} of {counted(row['groups'], 'group')} gained; they earned "
        f"{rounded(row['utility'])}, from the truth {rounded(row['truthful_utility'])}"
        for row in groups_summary(groups).to_dict("records")
    ]
    return f" Together, transfers included: {'; '.join(each)}."


UtilitiesPanel = _figure_panel(
    "What did each bid earn, and what would the truth have earned?",
    "Every mark is a bid. To the right: what she would have earned by telling the truth, all others unchanged. "
    "Upwards: what she did earn, less what her privacy really cost her. Who tells the truth is on the diagonal; a "
    f"mark above it is a lie that paid. The latest {REMEMBERED_BIDS:,} bids; those far out are drawn on the edge.",
    lambda _, history: utilities_figure(history.bids),
)

MoneyPanel = _figure_panel(
    "What does the buyer pay?",
    "Before anybody bids, the buyer names the most she will spend in the round; the auction may not exceed it, and "
    "need not use it up. The budget factor says how this sum compares with the cost of all that the bidders have.",
    lambda _, history: money_figure(history.rounds),
)

PrivacyPanel = _figure_panel(
    "What do the owners pay, in privacy?",
    "What an owner sells is privacy loss, ε: the larger, the less noise hides her data. Losses add up over the "
    "rounds. A sum of 1 keeps much hidden; one of 10 or more promises nearly nothing against whoever keeps all she "
    "sent. Dotted: the tight total of the median owner, which may be exceeded with a probability of one in a million. "
    "It holds here, for no owner bids by the model that the uploads made. Gaussian noise is not purely private: each "
    "of its uploads may exceed its ε with the same probability.",
    lambda model, history: privacy_figure(history.privacy, allowance=model.config.lifetime_allowance),
)

BoundPanel = _figure_panel(
    "How good is what was bought?",
    "The error bound says how far the sum of the noisy contributions may lie from what all the bidders' data would "
    "say: noise, plus whoever is missing. Lower is better. The first best (a checkbox among the controls) is the "
    "lowest that the same money could buy if nobody's cost were a secret.",
    lambda _, history: bound_figure(history.rounds),
)

AccuracyPanel = _figure_panel(
    "Does the model learn?",
    "After every round the model is tried on records that nobody sold. What holds it back is the noise the owners "
    "add: choose the perturbation none to see what the same market would teach without it.",
    lambda model, history: accuracy_figure(history.rounds, chance=model.task.chance),
)
