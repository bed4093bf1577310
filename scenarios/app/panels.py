"""The panels below the answer: one question each, a chart, and a line on how to read it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import solara

from analysis.formatting import counted, rounded
from analysis.plots.live import LiveChart, accuracy_chart, bound_chart, gain_chart, money_chart, privacy_chart
from analysis.summary import groups_summary
from scenarios.app.answer import NOTHING_YET
from scenarios.app.elements import show_chart, text
from scenarios.app.visit import Visit


@solara.component
def Panel(
    title: str, caption: str, name: str, draw: Callable[[], LiveChart] | None, instead: str = NOTHING_YET
) -> None:
    """A question, the chart that answers it, and how to read it; ``instead`` stands where there is nothing to draw."""
    with solara.v.Html(tag="section", class_="panel"):
        text("h3", title)
        if draw is None:
            text("p", instead, "nothing")
        else:
            show_chart(draw(), name)
        text("p", caption, "caption")


@solara.component
def GainPanel(visit: Visit) -> None:
    """What a lie brings on average, round after round, with its band."""
    view = visit.view(visit.pair.value.main)
    Panel(
        "What does a lie bring, round by round?",
        "The line is the mean gain of all lies so far, in per cent of what all she has costs the liar; below zero "
        "lying costs. A triangle is the best lie of a round; it points up if it paid." + groups_caption(view.groups),
        "gains-by-round",
        (lambda: gain_chart(view.gains)) if view.misreports else None,
        instead="Nobody has lied so far." if view.count else NOTHING_YET,
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


@solara.component
def MoneyPanel(visit: Visit) -> None:
    """What was offered and spent."""
    view = visit.view(visit.pair.value.main)
    Panel(
        "What does the buyer pay?",
        "Before anybody bids, the buyer names the most she will spend in the round; the auction may not exceed it.",
        "money",
        (lambda: money_chart(view.rounds)) if view.count else None,
    )


@solara.component
def PrivacyPanel(visit: Visit) -> None:
    """What owners have sold."""
    main = visit.pair.value.main
    view = visit.view(main)
    Panel(
        "What do the owners pay, in privacy?",
        "Losses add up over the rounds. A sum of 1 keeps much hidden; one of 10 or more promises nearly nothing "
        "against whoever keeps all she sent. Dashed: the tight total of the median owner, which may be exceeded with "
        "a probability of one in a million. It holds here, for no owner bids by the model that the uploads made. "
        "Gaussian noise is not purely private: each of its uploads may exceed its ε with the same probability.",
        "privacy",
        (lambda: privacy_chart(view.privacy, allowance=main.model.config.lifetime_allowance)) if view.count else None,
    )


@solara.component
def BoundPanel(visit: Visit) -> None:
    """How good the purchase was."""
    view = visit.view(visit.pair.value.main)
    Panel(
        "How good is what was bought?",
        "How far the sum of the noisy contributions may lie from what all the bidders' data would say. Lower is "
        "better. The first best (among the controls) is the lowest that this money could buy if no cost were secret.",
        "error-bound",
        (lambda: bound_chart(view.rounds)) if view.count else None,
    )


@solara.component
def AccuracyPanel(visit: Visit) -> None:
    """What was learned, also in the market beside."""
    pair = visit.pair.value
    view = visit.view(pair.main)
    beside = None if pair.beside is None else visit.view(pair.beside).rounds
    Panel(
        "Does the model learn?",
        "After every round the model is tried on records that nobody sold. What holds it back is the owners' noise: "
        "choose the perturbation none to see what the same market would teach without it.",
        "accuracy",
        (lambda: accuracy_chart(view.rounds, chance=pair.main.model.task.chance, beside=beside, name="compared with"))
        if view.count
        else None,
    )
