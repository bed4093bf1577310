"""The answer: does lying pay here, who paid for it, what the model learned; and the one chart that shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
import solara

from analysis.formatting import NOTHING, counted, percent, rounded
from analysis.headline import ONLY_TOGETHER, STYLE_CLASSES
from analysis.paired import WhoPays, who_pays
from analysis.plots.live_owners import gains_chart, groups_chart
from analysis.summary import final_accuracy
from scenarios.app.choices import spoken
from scenarios.app.elements import Button, show_chart, text
from scenarios.app.history import View
from scenarios.app.market import Market
from scenarios.app.presets import mark_of
from scenarios.app.visit import Visit

QUESTION = "Does lying pay here?"
NOTHING_YET = "No round was played yet: press Play."
WORSE = 0.2
"""By how much a higher error bound is a loss of the buyer's even though she pays less for it."""


@dataclass(frozen=True)
class Fact:
    """A question with a number and a sentence."""

    question: str
    number: str
    sentence: str


@solara.component
def Answer(visit: Visit) -> None:
    """Question and answer, of one market or of two side by side."""
    pair = visit.pair.value
    with solara.v.Html(tag="section", class_="answer" if pair.beside is None else "answer two"):
        text("h1", QUESTION)
        if pair.beside is not None:
            text("p", difference(visit, pair.main, pair.beside), "difference")
        with solara.Div(classes=["markets"]):
            for market in pair:
                _MarketAnswer(visit, market, pair.beside is not None)


@solara.component
def _MarketAnswer(visit: Visit, market: Market, named: bool) -> None:
    full = solara.use_reactive(False)
    view = visit.view(market)
    found = view.headline
    with solara.Div(classes=["market"]):
        if named:
            text("h2", market_title(market))
        with solara.v.Html(tag="p", class_="verdict", attributes={"role": "status"}):
            text("strong", found.verdict, "badge", STYLE_CLASSES[found.verdict])
            text("span", f"{found.sentence[:1].upper()}{found.sentence[1:]}." if view.count else NOTHING_YET)
        with solara.Div(classes=["evidence"]):
            with solara.Div(classes=["proof"]):
                _proof(view)
            with solara.Div(classes=["facts"]):
                for fact in facts(view, market.model.task.chance):
                    with solara.Div(classes=["fact"]):
                        text("h3", fact.question)
                        text("p", fact.number, "number")
                        text("p", fact.sentence)
                shown = {"aria-expanded": "true" if full.value else "false"}
                Button("Less" if full.value else "In full", lambda: full.set(not full.value), attributes=shown)
                for sentence in in_full(view) if full.value else ():
                    text("p", sentence)


def _proof(view: View) -> None:
    """The one chart that shows the answer."""
    if view.headline.verdict == ONLY_TOGETHER:
        groups = view.groups
        show_chart(groups_chart(groups[groups["members"] > 1]), "groups")
        caption = "Every mark is a group in a round; above the line it earned more together than by the truth."
    elif len(view.lies):
        titles = {name: spoken(name) for name in view.lies["strategy"].unique()}
        show_chart(gains_chart(view.lies, titles), "gains")
        caption = (
            "Every mark is a lie, beside what the truth would have earned her in the same round. "
            "In the shaded half lying paid."
        )
    else:
        text("p", "Nobody has lied so far." if view.count else NOTHING_YET, "nothing")
        return
    text("p", caption, "caption")


def facts(view: View, chance: float) -> list[Fact]:
    """Who paid for it, and what the model learned, from the rounds so far."""
    if not view.count:
        return []
    rounds = view.rounds.assign(seed=0)
    accuracy = float(final_accuracy(rounds).iloc[0])
    learned = Fact(
        "What has the model learned?",
        percent(accuracy),
        f"of the test records are classified rightly; by guessing, {percent(chance)}.",
    )
    if not view.misreports:
        spent = rounds["spent"].sum() / max(rounds["budget"].sum(), 1e-300)
        return [Fact("Who paid for it?", "Nobody", f"lied. The buyer spent {percent(spent)} of her budget."), learned]
    found = who_pays(rounds, draws=10)  # of which only the means are shown
    if not found.rounds:
        return [learned]
    return [_payer(found), learned]


def in_full(view: View) -> list[str]:
    """Who gained, who paid and what was learned, in the words of the report and the terminal."""
    if not view.count:
        return [NOTHING_YET]
    rounds = view.rounds.assign(seed=0)
    paid = who_pays(rounds).sentences if view.misreports else ()
    spent, invalid = rounds["spent"].sum() / max(rounds["budget"].sum(), 1e-300), int(rounds["invalid"].sum())
    bought = f"The buyer spent {percent(spent)} of all budgets"
    bought += f"; in {invalid:,} of {counted(len(rounds), 'round')} nobody sold." if invalid else "."
    return [str(view.headline), *paid, bought]


def _payer(found: WhoPays) -> Fact:
    """Who had less of the lies than of everybody's truth, and what the others had."""
    honest, spent, bound = found.honest_surplus.mean, found.spent.mean, found.error_bound.mean
    # Who pays no less, and gets a worse sum for it, has paid too.
    buyer = spent > 0 or (spent == 0 and bound > 1) or bound > 1 + WORSE
    lost = {"the liars": found.owner_surplus.mean - honest < 0, "the truthful": honest < 0, "the buyer": buyer}
    payers = " and ".join(name for name, less in lost.items() if less) or ("the buyer" if bound > 1 else "nobody")
    said = [f"the buyer paid {_change(spent)} for {_times(bound)} the error bound"]
    said.append(f"the truthful kept {_change(honest)}, all owners together {_change(found.owner_surplus.mean)}")
    return Fact(
        "Who paid for it?", payers[0].upper() + payers[1:], f"A round, against everybody's truth: {'; '.join(said)}."
    )


def _change(money: float) -> str:
    if money == 0 or not math.isfinite(money):
        return "as much"
    return f"{rounded(abs(money), 3)} {'more' if money > 0 else 'less'}"


def _times(ratio: float) -> str:
    return f"{rounded(ratio, 3)} times" if math.isfinite(ratio) else "an unknown part of"


def difference(visit: Visit, one: Market, other: Market) -> str:
    """One line on how two markets differ."""
    left, right = visit.view(one), visit.view(other)
    if not left.count or not right.count:
        return NOTHING_YET
    names = market_title(one), market_title(other)
    parts = [
        f"{left.headline.verdict} against {right.headline.verdict}".lower(),
        f"test accuracy {_accuracy(left.rounds)} against {_accuracy(right.rounds)}",
        f"{rounded(_spent(left.rounds), 3)} against {rounded(_spent(right.rounds), 3)} money a round",
    ]
    return f"{names[0]} against {names[1].lower()}: {'; '.join(parts)}."


def _accuracy(rounds: pd.DataFrame) -> str:
    return percent(float(final_accuracy(rounds.assign(seed=0)).iloc[0])) if len(rounds) else NOTHING


def _spent(rounds: pd.DataFrame) -> float:
    return float(rounds.groupby("round")["spent"].sum().mean())


def market_title(market: Market) -> str:
    """A market in a few words."""
    name = spoken(market.choices.auction)
    mark = mark_of(market.choices.auction)
    people = "with its liars" if market.choices.deviators else "everybody truthful"
    return f"{name}{f' ({mark})' if mark else ''}, {people}"
