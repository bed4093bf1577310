"""What does splitting into several identities pay?

A fifth of the owners appear under two or five names, each with an equal part of their records, and tell the truth under
every name. Their gain is over what one honest name would have brought in the same round. No auction here claims that
splitting does not pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from analysis.intervals import mean_across_seeds
from analysis.plots.strategic import drawn, worth_figure
from analysis.summary import cost_at_own_budget, misreport_gains
from market_sim import MarketConfig
from scenarios.commands.study import StudyTables, study
from scenarios.commands.study_summary import Row, StudyFinding, format_number, verdicts

DURATION = "about 70 seconds"

AUCTIONS = (
    "sequential-menu",
    "ascending-menu",
    "sequential-menu-verified",
    "posted-price",
    "fixed-share",
    "all-in",
    "pay-as-bid",
)
NAMES = (2, 5)
MARKET = MarketConfig(
    owners=40,
    bidders=15,
    rounds=40,
    task="synthetic",
    task_options={"records": 8000, "features": 3},
    strategies={"truthful": 0.8, "identity-splitting": 0.2},
)


def markets(base: MarketConfig) -> dict[str, MarketConfig]:
    """The same market under seven auctions, with either number of names."""
    return {
        f"{auction}-{names}": replace(base, auction=auction, strategy_options={"identity-splitting": {"names": names}})
        for auction in AUCTIONS
        for names in NAMES
    }


def find(played: Mapping[str, StudyTables]) -> StudyFinding:
    """What each number of names gains under each auction."""
    rows = [row_of(auction, names, played[f"{auction}-{names}"]) for auction in AUCTIONS for names in NAMES]
    return StudyFinding(
        sentences=[sentence(auction, [row for row in rows if row["auction"] == auction]) for auction in AUCTIONS],
        tables={"splits": rows},
        picture=worth_figure(
            {
                "What does splitting bring?": drawn(rows, "auction", "names", "gain"),
                "How often does it pay?": drawn(rows, "auction", "names", "paid"),
            },
            x="names of one owner",
            y=("mean gain, over her cost of all she has", "share of splits that gained"),
        ),
        note=(
            "Gain: utility under all her names less what one honest name would have brought the same owner in the same "
            "round, per cost of all she has. Paid, lost: share of splits that gained or lost more than rounding. "
            "Best: the largest gain of a single round. Intervals: Student's over the seeds."
        ),
    )


def row_of(auction: str, names: int, played: StudyTables) -> Row:
    """One market."""
    split = played.trades[played.trades["strategy"] == "identity-splitting"]
    split = split[split["misreport_gain"].notna()]
    money = misreport_gains(split)
    split = split.assign(
        gain=money / cost_at_own_budget(split),
        paid=split["misreport_paid"].astype(float),
        cost_her=(money < 0).astype(float),
    )
    return {
        "auction": auction,
        "names": names,
        "splits": len(split),
        "gain": mean_across_seeds(split, "gain"),
        "paid": mean_across_seeds(split, "paid"),
        "lost": mean_across_seeds(split, "cost_her"),
        "best": float(split["gain"].max()),
    }


def sentence(auction: str, rows: list[Row]) -> str:
    """What splitting pays under one auction."""
    gains = {f"{row['names']} names": row["gain"] for row in rows}
    brings = " and ".join(f"{format_number(gain)} of her cost with {name}" for name, gain in gains.items())
    best = max(row["best"] for row in rows)
    return f"Under {auction} splitting brings {brings} a round: it {verdicts(gains)}; at best {format_number(best)}."


run = study(
    "split-identities", MARKET, compared=("auction", "strategies", "strategy_options"), markets=markets, find=find
)
