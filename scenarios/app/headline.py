"""The top of the page: the question, the market in a paragraph, the answer so far, and the numbers behind it."""

from __future__ import annotations

import solara

from market_sim.model import FLMarket
from scenarios.app.history import History, history_of
from scenarios.app.mesa import update_counter
from scenarios.app.panel import text

QUESTION = "If the people in this market lie, who gains, who pays, and does the learning survive it?"
EXPLANATION = (
    "A buyer wants a model that learns from data which never leave their owners. Every round she offers a sum of "
    "money; owners say what giving up privacy would cost them; an auction decides who sells how much of it, and for "
    "what. Each seller adds noise to her contribution, less of it the more privacy she sold. Some owners lie: about "
    "their costs, about how much they tolerate, about how much data they have. As this market is simulated, it can be "
    "played twice: for every lie we see what the truth would have earned her, everything else unchanged."
)
INSTRUCTIONS = "Press ▶ to watch, or Step for one round. To change the market, move its controls, then press Reset."


@solara.component
def Headline(model: FLMarket) -> None:
    """Question, explanation, verdict and key numbers."""
    update_counter.get()
    history = history_of(model)
    with solara.Div(classes=["headline"]):
        text("h1", QUESTION)
        text("p", EXPLANATION)
        text("p", " ".join(verdict(history, model)) if model.steps else INSTRUCTIONS, "verdict")
        with solara.Div(classes=["tiles"]):
            for name, value in key_numbers(history, model).items():
                with solara.Div(classes=["tile"]):
                    text("div", value, "number")
                    text("div", name, "name")


def verdict(history: History, model: FLMarket) -> list[str]:
    """Who gained, who paid, and whether the model learned, in a sentence each, drawn from the rounds so far."""
    rounds = history.rounds
    played = len(rounds["round"].unique())
    gain = history.mean_gain
    if gain is None:
        gained = "nobody lied"
    elif not history.misreports_paid:
        gained = (
            f"nobody gained by lying: not one of {history.misreports:,} lies earned more than the truth would have, "
            f"and on average a lie cost its teller {abs(gain):.0%} of what all she has is worth to her"
        )
    else:
        gained = (
            f"{history.misreports_paid:,} of {history.misreports:,} lies earned more than the truth would have; on "
            f"average a lie brought its teller {gain:+.1%} of what all she has is worth to her"
        )
    lost = int(rounds["ir_violations"].sum())
    losers = "no truthful owner lost money" if not lost else f"truthful owners lost money {lost:,} times"
    spent, budget = rounds["spent"].sum(), rounds["budget"].sum()
    paid = f"The buyer paid {spent:,.0f} of the {budget:,.0f} she offered, and {losers}."
    accuracy, chance = rounds["test_accuracy"].iloc[-1], model.task.chance
    learned = f"Her model is right on {accuracy:.0%} of the test records (guessing: {chance:.0%})"
    invalid = int(rounds["invalid"].sum())
    learned += f"; in {invalid:,} of {len(rounds):,} rounds nobody sold." if invalid else "."
    return [f"After {played:,} {'round' if played == 1 else 'rounds'} {gained}.", paid, learned]


def key_numbers(history: History, model: FLMarket) -> dict[str, str]:
    """What stands in the tiles, by what it is."""
    names = ("rounds", "lies that paid", "mean gain of a lie", "test accuracy", "money spent", "median privacy loss")
    if not model.steps:
        return dict.fromkeys(names, "—") | {"rounds": f"0 of {model.config.rounds:,}"}
    rounds = history.rounds
    gain = history.mean_gain
    values = (
        f"{model.steps:,} of {model.config.rounds:,}",
        f"{history.misreports_paid:,} of {history.misreports:,}",
        "—" if gain is None else f"{gain:+.1%}",
        f"{rounds['test_accuracy'].iloc[-1]:.1%}",
        f"{rounds['spent'].sum():,.0f}",
        f"ε {history.privacy['median'].iloc[-1]:.1f}",
    )
    return dict(zip(names, values, strict=True))
