"""Does truth spread or die among owners who copy whoever does better?

Half of the owners begin with the truth, the others with one of seven lies. From then on they compare themselves with an
acquaintance and copy what she does, the likelier the better she has done (Fermi dynamics), in networks of three kinds.
An owner does well for many reasons, and what is copied need not be the cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from agents.broker.auctions.registry import load_auction
from analysis.intervals import across_seeds, blocks_across_seeds
from analysis.plots.strategic import trajectories_figure
from market_sim import MarketConfig
from scenarios.commands.study import StudyTables, study
from scenarios.commands.study_summary import Row, StudyFinding, format_number

DURATION = "about a minute and a half"

AUCTIONS = ("pay-as-bid", "ascending-menu")
NETWORKS = ("ring", "small-world", "scale-free")
MARKET = MarketConfig(
    owners=40,
    bidders=20,
    rounds=150,
    task="synthetic",
    task_options={"records": 8000, "features": 3},
    strategies={"fermi-imitation": 1.0},
    network="small-world",
)
SURVIVES, GONE = 0.95, 0.05


def markets(base: MarketConfig) -> dict[str, MarketConfig]:
    """The same market under two auctions in three networks."""
    return {
        f"{auction}-{network}": replace(base, auction=auction, network=network)
        for auction in AUCTIONS
        for network in NETWORKS
    }


def find(played: Mapping[str, StudyTables]) -> StudyFinding:
    """Where the share of truthful owners ends, and how it gets there."""
    rows = [
        row_of(auction, network, played[f"{auction}-{network}"].trades) for auction in AUCTIONS for network in NETWORKS
    ]
    lines = {
        auction: {
            network: blocks_across_seeds(
                played[f"{auction}-{network}"].trades.assign(truthful=lambda trades: trades["truthful"].astype(float)),
                "truthful",
            )
            for network in NETWORKS
        }
        for auction in AUCTIONS
    }
    return StudyFinding(
        sentences=[sentence(auction, [row for row in rows if row["auction"] == auction]) for auction in AUCTIONS],
        tables={"networks": rows},
        picture=trajectories_figure(
            lines, y="share of truthful bids", reference=0.5, said="where it begins, on average", limits=(0, 1)
        ),
        note=(
            "Truthful share: of all owners by what each said last. Survived, died out: runs in which it ended over "
            f"{100 * SURVIVES:.0f} % or under {100 * GONE:.0f} %. Intervals: Student's over the seeds."
        ),
    )


def row_of(auction: str, network: str, trades: pd.DataFrame) -> Row:
    """What became of truth in one market."""
    in_order = trades.sort_values("round")
    first, last = (
        getattr(in_order.groupby(["seed", "owner"])["truthful"], which)().groupby("seed").mean()
        for which in ("first", "last")
    )
    return {
        "auction": auction,
        "network": network,
        "began": across_seeds(first),
        "ended": across_seeds(last),
        "change": across_seeds((last - first).astype(float)),
        "survived": int((last > SURVIVES).sum()),
        "died_out": int((last < GONE).sum()),
        "runs": len(last),
    }


def sentence(auction: str, rows: list[Row]) -> str:
    """What became of truth under one auction."""
    promises = load_auction(auction)
    kind = "whose claim of truthfulness is false" if promises.planted else "which claims that no single lie pays"
    if not promises.guarantees.truthful_in:
        kind = "which promises no truthfulness"
    ways = []
    for row in rows:
        change = row["change"]
        way = "spreads" if change.low > 0 else "recedes" if change.high < 0 else "drifts"
        ways.append(f"{way} to {format_number(row['ended'], 2)} in the {row['network']} network")
    gone, kept, runs = (sum(row[name] for row in rows) for name in ("died_out", "survived", "runs"))
    return (
        f"Under {auction}, {kind}, truth {', '.join(ways)}; of {runs} runs it died out in {gone} and took over in "
        f"{kept}."
    )


run = study("imitation-network", MARKET, compared=("auction", "network", "network_options"), markets=markets, find=find)
