"""The top of the page: the question, the market in a paragraph, the answer so far, and the numbers behind it."""

from __future__ import annotations

import pandas as pd
import solara

from analysis.formatting import NOTHING, counted, rounded
from analysis.paired import learning_survives, who_pays
from analysis.summary import final_accuracy
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
    """Who gained, who paid, and whether the learning survived, from the rounds so far and in the report's own words."""
    rounds = history.rounds.assign(seed=model.seed)
    played = counted(len(rounds["round"].unique()), "round")
    spent, invalid = 100 * rounds["spent"].sum() / max(rounds["budget"].sum(), 1e-300), int(rounds["invalid"].sum())
    bought = f"The buyer spent {rounded(spent)} % of her budget"
    bought += f"; in {invalid:,} of {counted(len(rounds), 'round')} nobody sold." if invalid else "."
    accuracy = f"Her model is right on {rounded(_accuracy(rounds))} of the test records, guessing on "
    accuracy += f"{rounded(model.task.chance)}."
    paid = who_pays(rounds).sentences if history.misreports else ()
    survives = [learning_survives(rounds, None).sentence] if history.misreports else []
    return [f"After {played}. {history.headline}", " ".join([*paid, bought]), " ".join([accuracy, *survives])]


def key_numbers(history: History, model: FLMarket) -> dict[str, str]:
    """What stands in the tiles, by what it is."""
    names = (
        "rounds", "lies that paid", "groups that gained", "mean gain of a lie, of her cost",
        "test accuracy", "spent of the budget", "median privacy loss of sellers",
    )  # fmt: skip
    if not model.steps:
        return dict.fromkeys(names, NOTHING) | {"rounds": f"0 of {model.config.rounds:,}"}
    rounds, groups, gain = history.rounds, history.groups, history.mean_gain
    together = groups[groups["members"] > 1]
    values = (
        f"{model.steps:,} of {model.config.rounds:,}",
        f"{history.misreports_paid:,} of {history.misreports:,}",
        f"{int(together['paid'].sum()):,} of {len(together):,}" if len(together) else NOTHING,
        NOTHING if gain is None else f"{rounded(100 * gain)} %",
        rounded(_accuracy(rounds)),
        f"{rounded(100 * rounds['spent'].sum() / max(rounds['budget'].sum(), 1e-300))} %",
        f"ε {rounded(history.median_privacy_loss)}",
    )
    return dict(zip(names, values, strict=True))


def _accuracy(rounds: pd.DataFrame) -> float:
    """Test accuracy after the last round."""
    return float(final_accuracy(rounds.assign(seed=0)).iloc[0])
