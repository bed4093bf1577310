"""What is lost when a hundred thousand owners are split among ten or a hundred brokers?

The owners are divided among the brokers by lot, the budget in equal parts, before anybody bids; every broker runs the
learned auction ``sequential-menu`` on its own owners, who tell the truth. Two ways of weighing: a second level that
knows every sale, and one that gets an aggregate from every broker and weighs it by its owners' records. Some owners are
tried with seven lies each, and some at other brokers than their own: their lot forbids that, and what they would gain
says how much hangs on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.text import Text

from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior
from agents.upload_terms import UploadTerms
from analysis.intervals import across_seeds
from analysis.plots.strategic import drawn, worth_figure
from analysis.two_level import Brokers
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.study import seeds_of
from scenarios.commands.study_summary import Row, StudyFinding, format_number, plain_numbers, write_finding

DURATION = "about three minutes"

NAME = "two-level-brokers"
AUCTION = "sequential-menu"
OWNERS = 100_000
BROKERS = (1, 10, 100)
SEEDS = 8
RECORDS = 126
"""Of an owner, on average: the paper's population, a hundred times as large."""
BUDGET_FACTOR = 0.5
"""Budget over what everything would cost by the prior."""
TERMS = UploadTerms("privunit", dimension=650, clip="record", error_bound="full")
LIARS, MOVERS, OTHERS = 2, 8, 8
"""Owners of a run who are tried with every lie; owners who are tried elsewhere, and at how many brokers each."""


def run(
    *,
    seed: int = 0,
    out: Path = Path(f"runs/{NAME}-seed0"),
    progress: bool = True,
    owners: int = OWNERS,
    brokers: Sequence[int] = BROKERS,
    repetitions: int = SEEDS,
    workers: Workers | None = None,
) -> Answer:
    """Split the same owners among one broker and more, and compare what each split buys.

    Parameters
    ----------
    seed : int
        The repetitions use ``repetitions * seed`` and the seeds after it.
    out : Path
        Directory to write.
    progress : bool
        Whether to show progress.
    owners : int
    brokers : sequence of int
        Numbers of brokers; the first is what the others are compared with.
    repetitions : int
        How many seeds.
    workers : Workers, optional
        Who plays; by default a process per core.
    """
    seeds = seeds_of(seed, repetitions)
    played = {"scenario": NAME, "seed": seed, "repetitions": repetitions, "owners": owners, "brokers": list(brokers)}
    jobs = {(count, each): f"brokers={count},seed={each}" for each in seeds for count in brokers}
    with scenario_directory(out, played) as folder, kept_in(unfinished(out) / "splits") as directory:
        found = run_campaign(
            [Job(key, split, (owners, count, each)) for (count, each), key in jobs.items()],
            directory,
            identity=played,
            workers=workers,
            title="Splitting the market",
            progress=progress,
        )
        table = pd.DataFrame([
            {"brokers": count, "seed": each, **found.figures(key)} for (count, each), key in jobs.items()
        ])  # fmt: skip
        first = table[table["brokers"] == brokers[0]].set_index("seed")
        for name in ("together", "apart"):
            table[f"{name}_over"] = table[name] / table["seed"].map(first["together"])
        answer = write_finding(NAME, finding(table, owners), folder, out)
    times = time_rows(table)
    lines = [
        f"{row['brokers']} brokers: {format_number(row['seconds'])} s of one processor for all auctions together."
        for row in times
    ]
    figures = {**answer.figures, "time": plain_numbers(times)}
    return Answer(figures=figures, summary=(*answer.summary, Text("\n".join(lines))))


def split(owners: int, brokers: int, seed: int) -> JobResult:
    """One split of one population, as the job of a campaign."""
    prior = OwnerPrior(
        records=RECORDS * owners, owners=owners, budgets="independent", budget_factor=(BUDGET_FACTOR, BUDGET_FACTOR)
    )
    generator = torch.Generator().manual_seed(seed)
    types, budget = prior.sample(1, owners, generator)
    market = Brokers.run(load_auction(AUCTION, prior), types, budget, brokers, generator)
    together, apart = market.error_bounds(TERMS)
    drawn_owners = torch.randperm(owners, generator=generator)
    lies = market.gains_of_lies(drawn_owners[:LIARS])
    moves = market.gains_of_moving(drawn_owners[:MOVERS], OTHERS, generator)
    best = moves.nan_to_num(0.0).max(1).values.clamp(min=0) if moves.shape[1] else torch.zeros(MOVERS).double()
    incoming = list(market.bytes_in(TERMS))
    return JobResult(
        figures={
            "together": together,
            "apart": apart,
            "spent": float(market.outcome.payment.sum() / budget),
            "sellers": int((market.outcome.privacy_loss_sold > 0).sum()),
            "lies": lies.numel(),
            "lie_gain": float(lies.max()),
            "moves": int((~moves.isnan()).sum()),
            "move_gain": float(best.mean()),
            "move_pays": float((best > 1e-9).double().mean()),
            "move_best": float(best.max()),
            "bytes_largest": max(incoming),
            "bytes_between": market.bytes_between(TERMS),
            "seconds": market.seconds,
        }
    )


def finding(table: pd.DataFrame, owners: int) -> StudyFinding:
    """Bounds, gains and bytes of every number of brokers."""
    rows = [row_of(int(count), part) for count, part in table.groupby("brokers", sort=True)]
    gains = [gain_row(int(count), part) for count, part in table.groupby("brokers", sort=True)]
    shown = [{**row, "line": "one level", "over": row["bound_over_one"]} for row in rows]
    shown += [{**row, "line": "two levels", "over": row["two_levels_over_one"]} for row in rows]
    picture = worth_figure(
        {
            "What does splitting cost the buyer?": drawn(shown, "line", "brokers", "over"),
            "What would another broker pay more?": drawn(
                [{**row, "line": "best of those tried"} for row in gains], "line", "brokers", "moving"
            ),
        },
        x="brokers",
        y=("error bound over one broker's", "gain over own cost"),
    )
    return StudyFinding(
        sentences=[sentence(row, gain) for row, gain in zip(rows, gains, strict=True)],
        tables={"what the buyer gets": rows, "what owners could gain": gains},
        picture=picture,
        note=(
            f"{owners:,} owners by lot, the budget ({BUDGET_FACTOR:g} of what everything costs by the prior) in equal "
            "parts. Error bound: of the whole gradient. Over one: of one level that weighs all uploads, and of two, "
            "over one broker's of the same owners. Lies: seven of each owner tried; largest gain. Moving: the best of "
            "the brokers tried less her own, per cost of all she has, at least that much. MB: what the largest broker "
            "receives, and what the second level does. Intervals: Student's over the seeds."
        ),
    )


def row_of(count: int, part: pd.DataFrame) -> Row:
    """What the buyer gets of so many brokers."""
    return {
        "brokers": count,
        "bound": across_seeds(part["together"]),
        "bound_over_one": across_seeds(part["together_over"]),
        "two_levels_over_one": across_seeds(part["apart_over"]),
        "spent": across_seeds(part["spent"]),
        "sellers": int(part["sellers"].mean()),
        "MB_largest": float(part["bytes_largest"].mean() / 1e6),
        "MB_between": float(part["bytes_between"].mean() / 1e6),
    }


def gain_row(count: int, part: pd.DataFrame) -> Row:
    """What owners could gain with so many brokers."""
    return {
        "brokers": count,
        "lies": int(part["lies"].sum()),
        "best_lie": float(part["lie_gain"].max()),
        "moves": int(part["moves"].sum()),
        "moving": across_seeds(part["move_gain"]),
        "would_move": across_seeds(part["move_pays"]),
        "best_move": float(part["move_best"].max()),
    }


def time_rows(table: pd.DataFrame) -> list[Row]:
    """Seconds, which are no part of the files: they differ from run to run."""
    return [
        {
            "brokers": int(count),
            "seconds": across_seeds(part["seconds"]),
        }
        for count, part in table.groupby("brokers", sort=True)
    ]


def sentence(row: Mapping[str, Any], gain: Mapping[str, Any]) -> str:
    """What so many brokers mean."""
    count = row["brokers"]
    who = "One broker" if count == 1 else f"{count:,} brokers"
    bound = f"error bound {format_number(row['bound'])}"
    if count > 1:
        bound += (
            f", {format_number(row['bound_over_one'], 3)} of one broker's, and "
            f"{format_number(row['two_levels_over_one'], 3)} if every broker weighs its own"
        )
    lies = "no lie tried gained" if gain["best_lie"] <= 1e-9 else f"a lie gained {gain['best_lie']:.3g} of her cost"
    moving = ""
    if count > 1 and np.isfinite(gain["moving"].mean):
        moving = (
            f"; another broker would have brought {format_number(gain['moving'])} of her cost more, at least "
            f"({100 * gain['would_move'].mean:.0f} % would have gained)"
        )
    return f"{who}: {bound}; {lies} ({gain['lies']:,} tried){moving}."
