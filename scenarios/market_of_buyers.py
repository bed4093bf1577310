"""What happens when several buyers compete for privacy that owners can sell only once?

Buyers with a wallet each draw their bidders from the same owners, who leave the market when their lifetime allowance of
privacy loss is used up. The same markets without allowances stand beside them. In each one owner in twenty asks half as
much again as privacy costs her, and one in twenty admits to half of her privacy budget: few, so that liars hardly raise
one another's prices. The auction claims that no such lie pays in a round, but what is not sold today can be sold
tomorrow: so their lifetimes are compared with those of the same owners in the same market without lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.intervals import across_seeds, blocks_across_seeds
from analysis.plots.strategic import buyers_figure, drawn
from analysis.plots.style import PALETTE
from market_sim import MarketConfig
from scenarios.commands.study import StudyTables, study
from scenarios.commands.study_summary import Row, StudyFinding, format_number, verdicts

DURATION = "about three quarters of a minute"

BUYERS = (1, 3)
POPULATIONS: Mapping[str, Any] = {
    "honest": {"truthful": 1.0},
    "lying": {"truthful": 0.9, "scaled-valuation": 0.05, "understated-privacy-budget": 0.05},
}
MARKET = MarketConfig(
    owners=60,
    bidders=10,
    rounds=60,
    wallet=300.0,
    lifetime_allowance=3.0,
    clip="owner",
    clip_norm=0.1,
    learning_rate=1.0,
)
USED_UP = 0.95
"""Part of her allowance from which on an owner has hardly anything left to sell."""


def markets(base: MarketConfig) -> dict[str, MarketConfig]:
    """One buyer or three, owners with and without allowances, honest or not."""
    limits = dict.fromkeys((None, base.lifetime_allowance))
    return {
        f"{title(buyers, limit)}-{population}".replace(",", "").replace(" ", "-"): replace(
            base, buyers=buyers, lifetime_allowance=limit, strategies=strategies
        )
        for buyers in BUYERS
        for limit in limits
        for population, strategies in POPULATIONS.items()
    }


def title(buyers: int, allowance: float | None) -> str:
    """What a market is called."""
    limit = "no allowance" if allowance is None else f"allowance {allowance:g}"
    return f"{buyers} buyer{'s' if buyers > 1 else ''}, {limit}"


def find(played: Mapping[str, StudyTables]) -> StudyFinding:
    """How the honest markets go, and what lying is worth in each over a lifetime."""
    honest, lying = (
        {
            title(tables.market.buyers, tables.market.lifetime_allowance): tables
            for name, tables in played.items()
            if name.endswith(f"-{population}")
        }
        for population in POPULATIONS
    )
    rows = [market_row(name, tables) for name, tables in honest.items()]
    misreports = [row for name in honest for row in lifetime_rows(name, lying[name], honest[name])]
    rounds = {name: tables.rounds for name, tables in honest.items()}
    lines = {
        "sellers of each buyer": {name: blocks_across_seeds(table, "sellers") for name, table in rounds.items()},
        "test accuracy, mean of the buyers": {
            name: blocks_across_seeds(table, "test_accuracy") for name, table in rounds.items()
        },
    }
    styles = {
        name: {
            "color": PALETTE[BUYERS.index(tables.market.buyers)],
            "linestyle": "--" if tables.market.lifetime_allowance is None else "-",
        }
        for name, tables in honest.items()
    }
    return StudyFinding(
        sentences=[*map(market_sentence, rows), *(misreports_sentence(name, misreports) for name in honest)],
        tables={"markets": rows, "misreports": misreports},
        picture=buyers_figure(lines, styles, drawn(misreports, "strategy", "market", "lifetime_gain")),
        note=(
            "Markets: everybody honest. Sales: purchases from one owner in one round, of each buyer. Price: money per "
            "record and unit of privacy loss. Used up: share of those who bid whose allowance is (to 95 %). Lifetime "
            "gain: summed utility of the liars less that of the same owners in the honest market, over the latter; "
            "one-round gain: the same against the truth in each round, all earlier rounds as they were. Intervals: "
            "Student's over the seeds."
        ),
    )


def market_row(name: str, tables: StudyTables) -> Row:
    """How an honest market went."""
    rounds, trades, allowance = tables.rounds, tables.trades, tables.market.lifetime_allowance
    spent = rounds.groupby(["seed", "buyer"])["spent"].sum().groupby("seed").mean()
    sales = rounds.groupby(["seed", "buyer"])["sellers"].sum().groupby("seed").mean()
    last = rounds[rounds["round"] == rounds["round"].max()].groupby("seed")["test_accuracy"].mean()
    amount = (trades["records"] * trades["privacy_loss"]).groupby(trades["seed"]).sum()
    price = trades.groupby("seed")["payment"].sum() / amount
    used = trades.groupby(["seed", "owner"])["privacy_spent"].max()
    maximum = np.inf if allowance is None else USED_UP * allowance
    gone = (used >= maximum).groupby("seed").mean()
    return {
        "market": name,
        "sales": across_seeds(sales),
        "spent": across_seeds(spent),
        "price": across_seeds(price),
        "used_up": across_seeds(gone),
        "accuracy": across_seeds(last),
    }


def lifetime_rows(name: str, lying: StudyTables, honest: StudyTables) -> list[Row]:
    """What each way of lying was worth to those who lied, over all rounds."""
    honest_utility = honest.trades.groupby(["seed", "owner"])["utility"].sum()
    rows: list[Row] = []
    for strategy, trades in lying.trades.groupby("strategy", sort=True):
        if strategy == "truthful":
            continue
        mine = trades.groupby(["seed", "owner"])["utility"].sum()
        truth = honest_utility.reindex(mine.index).fillna(0.0)
        earned, would = mine.groupby("seed").sum(), truth.groupby("seed").sum()
        at_once = trades.groupby("seed")[["utility", "truthful_utility"]].sum()
        rows.append(
            {
                "market": name,
                "strategy": str(strategy),
                "deviators": int(len(mine) / mine.index.get_level_values("seed").nunique()),
                "lifetime_gain": across_seeds(_gain(earned, would)),
                "one_round_gain": across_seeds(_gain(at_once["utility"], at_once["truthful_utility"])),
            }
        )
    return rows


def market_sentence(row: Row) -> str:
    """What happened in a market."""
    used = row["used_up"].mean
    leave = f", {format_number(100 * used, 0)} % of those who bid use up their allowance," if used > 0 else ""
    sales, accuracy = format_number(row["sales"], 0), format_number(row["accuracy"], 2)
    return f"With {row['market']}, each buyer makes {sales} purchases{leave} and accuracy ends at {accuracy}."


def misreports_sentence(name: str, misreports: list[Row]) -> str:
    """Whether lying paid in the long run."""
    rows = [row for row in misreports if row["market"] == name]
    if not rows:
        return f"With {name}, no liar ever bid who would have earned anything by the truth: nothing to compare."
    each = verdicts({row["strategy"]: row["lifetime_gain"] for row in rows})
    best = max(rows, key=lambda row: row["lifetime_gain"].mean)
    return (
        f"Over a lifetime with {name}, lying {each}; {best['strategy']} does best: "
        f"{format_number(best['lifetime_gain'], 2)} of what the truth brings."
    )


def _gain(earned: pd.Series, would: pd.Series) -> np.ndarray:
    return np.asarray((earned / would.where(would > 0) - 1).dropna(), dtype=float)


run = study("market-of-buyers", MARKET, compared=("buyers", "strategies"), markets=markets, find=find)
