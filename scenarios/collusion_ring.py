"""What does collusion pay per member?

Owners of one community who meet in a round bid as one: they try a few common plans against the bids of the others, take
the one that pays them most together, and share the gain by side payments. No auction here claims that this does not
pay. The same markets are played with everybody truthful, so that each member's gain is the difference of two results
of the same owner in the same round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.intervals import mean_across_seeds
from analysis.plots.strategic import drawn, worth_figure
from analysis.summary import cost_at_own_budget, groups_summary
from market_sim import MarketConfig
from scenarios.commands.study import StudyTables, study
from scenarios.commands.study_summary import Row, StudyFinding, format_number, verdicts

DURATION = "about 30 seconds"

AUCTIONS = ("sequential-menu", "ascending-menu", "posted-price", "k-plus-one-price", "pay-as-bid")
SHARES = (0.25, 0.5, 1.0)
HONEST = "honest"
MARKET = MarketConfig(
    owners=20,
    bidders=12,
    rounds=40,
    task="synthetic",
    task_options={"records": 4000, "features": 3},
    network="small-world",
)


def markets(base: MarketConfig) -> dict[str, MarketConfig]:
    """The same market under five auctions: everybody truthful, and with every share of colluders."""
    strategies: dict[str, Any] = {HONEST: {"truthful": 1.0}}
    for share in SHARES:
        strategies[f"{share:g}"] = {"collusion-ring": share, **({"truthful": 1 - share} if share < 1 else {})}
    return {
        f"{auction}-{name}": replace(base, auction=auction, strategies=shares)
        for auction in AUCTIONS
        for name, shares in strategies.items()
    }


def find(played: Mapping[str, StudyTables]) -> StudyFinding:
    """What each share of colluders gains, and what the others and the buyer lose."""
    rows = [
        row_of(auction, share, played[f"{auction}-{share:g}"], played[f"{auction}-{HONEST}"])
        for auction in AUCTIONS
        for share in SHARES
    ]
    return StudyFinding(
        sentences=[sentence(auction, [row for row in rows if row["auction"] == auction]) for auction in AUCTIONS],
        tables={"rings": rows},
        picture=worth_figure(
            {
                "What does it pay a member?": drawn(rows, "auction", "colluding", "member_gain"),
                "What does it cost the buyer?": drawn(rows, "auction", "colluding", "error_bound_change"),
            },
            x="share of owners in rings",
            y=("gain per round, over her cost of all she has", "relative change of the error bound"),
        ),
        note=(
            "Rings: owners who bid as one in a round; paid: of these rings, how many earned more together than their "
            "truth would have brought them in the same round, all others as they bid (more than rounding); ring gain: "
            "the sum of these gains over that truth. "
            "Member gain: utility and side payments less the same owner's utility in the same round were all honest, "
            "per cost of all she has, mean over members (and over all others). Acted: share of members' bids "
            "that were lies. Error bound: change of its mean over rounds with a sale, relative to the honest market. "
            "Intervals: Student's over the seeds."
        ),
    )


def row_of(auction: str, share: float, ring: StudyTables, honest: StudyTables) -> Row:
    """One market compared with the same market without rings."""
    bids = paired(ring.trades, honest.trades)
    bids = bids.assign(misreported=1.0 - bids["truthful"])
    members = bids["strategy"] == "collusion-ring"
    together = groups_summary(ring.groups)
    bounds = pd.DataFrame(
        {name: tables.rounds[~tables.rounds["invalid"]].groupby("seed")["error_bound"].mean()
         for name, tables in (("ring", ring), ("honest", honest))}
    )  # fmt: skip
    bounds = (bounds["ring"] / bounds["honest"] - 1).rename("change").reset_index()
    return {
        "auction": auction,
        "colluding": f"{100 * share:.0f} %",
        "acted": mean_across_seeds(bids[members], "misreported"),
        "rings": int(together["groups"].sum()),
        "rings_paid": int(together["paid"].sum()),
        "ring_gain": float(together["gain"].sum() / together["truthful_utility"].sum()) if len(together) else np.nan,
        "member_gain": mean_across_seeds(bids[members], "gain"),
        "others_gain": mean_across_seeds(bids[~members], "gain"),
        "error_bound_change": mean_across_seeds(bounds, "change"),
    }


def paired(ring: pd.DataFrame, honest: pd.DataFrame) -> pd.DataFrame:
    """Trades of a market with ``gain``: what each bid brought more than in the honest market, over her own cost."""
    keys = ["seed", "round", "buyer", "owner"]
    joined = ring.merge(honest[[*keys, "utility"]], on=keys, suffixes=("", "_honest"), validate="one_to_one")
    gain = joined["utility"] + joined["transfer"] - joined["utility_honest"]
    return joined.assign(gain=gain / cost_at_own_budget(joined))


def sentence(auction: str, rows: list[Row]) -> str:
    """What collusion pays under one auction."""
    gains = {row["colluding"]: row["member_gain"] for row in rows}
    paid = ", ".join(f"{format_number(gain)} ({name} in rings)" for name, gain in gains.items())
    rings, gained = (sum(row[name] for row in rows) for name in ("rings", "rings_paid"))
    return (
        f"Under {auction} a member gains, of her cost a round, {paid}: collusion {verdicts(gains)}; {gained:,} of "
        f"{rings:,} rings earned more together than the truth would have brought them."
    )


run = study("collusion-ring", MARKET, compared=("auction", "strategies"), markets=markets, find=find)
