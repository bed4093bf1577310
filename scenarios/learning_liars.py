"""Do owners who learn from their own results learn to lie?

Owners follow Hedge, EXP3 or Q-learning over eight ways of bidding, the truth among them, under an auction that rewards
overstating one's cost and under one that claims that no single lie can gain. They begin knowing nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from analysis.intervals import blocks_across_seeds, mean_across_seeds
from analysis.plots.strategic import trajectories_figure
from analysis.summary import cost_at_own_budget, misreport_gains
from market_sim import MarketConfig
from scenarios.commands.study import StudyTables, study
from scenarios.commands.study_summary import Row, StudyFinding, format_number, verdicts

DURATION = "about a minute"

AUCTIONS = ("pay-as-bid", "ascending-menu")
MARKET = MarketConfig(
    owners=12,
    bidders=12,
    rounds=300,
    task="synthetic",
    task_options={"records": 4000, "features": 3},
    strategies={"hedge": 1 / 3, "exp3": 1 / 3, "q-learning": 1 / 3},
)
LAST = 0.25
"""Part of the rounds, the last, in which what was learned is measured."""


def markets(base: MarketConfig) -> dict[str, MarketConfig]:
    """The same market under both auctions."""
    return {auction: replace(base, auction=auction) for auction in AUCTIONS}


def find(played: Mapping[str, StudyTables]) -> StudyFinding:
    """Report ratios in the end, what the lies gained, and both over time."""
    rows = [row for name, tables in played.items() for row in rows_of(name, tables.trades)]
    lines = {
        name: {
            str(learner): blocks_across_seeds(group, "report_ratio")
            for learner, group in tables.trades.groupby("strategy", sort=True)
        }
        for name, tables in played.items()
    }
    return StudyFinding(
        sentences=[sentence(name, [row for row in rows if row["auction"] == name]) for name in played],
        tables={"learners": rows},
        picture=trajectories_figure(
            lines, y="asked over true cost, mean of a block of rounds", reference=1.0, said="the truth"
        ),
        note=(
            f"Asked ratio and truthful share: last {100 * LAST:.0f} % of the rounds. Gain: utility less what the truth "
            "would have brought the same owner in the same round, per cost of all she has, mean over all lies. "
            "Regret against the truth: what always telling it would have brought more per round, the others unchanged. "
            "Intervals: Student's over the seeds."
        ),
    )


def rows_of(auction: str, trades: pd.DataFrame) -> list[Row]:
    """One row per learner of a market."""
    trades = trades.assign(gain=misreport_gains(trades) / cost_at_own_budget(trades))
    trades = trades.assign(forgone=-trades["gain"].fillna(0.0), truthful=trades["truthful"].astype(float))
    last = trades[trades["round"] >= (1 - LAST) * (trades["round"].max() + 1)]
    rows: list[Row] = []
    for learner, group in trades.groupby("strategy", sort=True):
        end = last[last["strategy"] == learner]
        rows.append(
            {
                "auction": auction,
                "learner": str(learner),
                "asked_ratio": mean_across_seeds(end, "report_ratio"),
                "truthful_share": mean_across_seeds(end, "truthful"),
                "gain": mean_across_seeds(group, "gain"),
                "paid": int(group["misreport_paid"].fillna(False).astype(bool).sum()),
                "best_gain": float(group["gain"].max()),
                "regret_against_truth": mean_across_seeds(group, "forgone"),
            }
        )
    return rows


def sentence(auction: str, rows: list[Row]) -> str:
    """What the learners of one market came to."""
    asked = ", ".join(f"{row['learner']} {format_number(row['asked_ratio'], 2)}" for row in rows)
    verdict = verdicts({row["learner"]: row["gain"] for row in rows})
    best = max(row["best_gain"] for row in rows)
    paid = sum(row["paid"] for row in rows)
    single = f"{paid:,} single lies paid, the best {format_number(best)} of her cost" if paid else "no single lie paid"
    return f"Under {auction} they end asking, over true cost, {asked}. Lies {verdict}; {single}."


run = study("learning-liars", MARKET, compared=("auction",), markets=markets, find=find)
