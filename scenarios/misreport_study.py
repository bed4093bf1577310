"""Does any lie pay, and in which auction?

Two questions about every auction. Would one owner gain by telling one of seven simple lies while everybody
else tells the truth? And if everybody could choose among these lies and the truth, and what does well were copied (the
replicator dynamics of the empirical game), would truth survive? Simple lies are few: `market-sim audit` searches for
the best of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from agents.broker.auctions.registry import list_auctions, load_auction
from agents.checks import whole
from agents.misreports.search import Counterfactuals, per_cost
from agents.prior import OwnerPrior
from agents.surplus import ROUNDING
from analysis.empirical_game import pure_strategies
from analysis.equilibrium import Equilibrium, equilibrium
from analysis.incentives.structure import lists_hold
from analysis.intervals import Interval, ratio_ends, resamples
from analysis.plots.equilibrium import equilibrium_figure, study_figure
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.workers import Workers
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.study_summary import Row, StudyFinding, write_finding

DURATION = "about 40 seconds"

OWNERS, PROFILES = 10, 200
GAME = {"profiles": 20, "starts": 10, "steps": 50}
SMALLER_GAMES = {"residual-menu": {"profiles": 6, "starts": 4}}
"""Games of auctions whose price lists are so long that the common size would take minutes."""


def run(
    *,
    seed: int = 0,
    out: Path = Path("runs/misreport-study-seed0"),
    progress: bool = True,
    auctions: Sequence[str] | None = None,
    profiles: int = PROFILES,
    game: dict[str, int] | None = None,
    workers: Workers | None = None,
) -> Answer:
    """Tell every lie in every auction, and play every auction's game.

    Parameters
    ----------
    seed, out, progress
        As for every scenario.
    auctions : sequence of str, optional
        Names or checkpoints; by default all.
    profiles : int
        Drawn from the paper's prior, the same for every auction.
    game : dict, optional
        ``profiles``, ``starts`` and ``steps`` of ``analysis.equilibrium.equilibrium``, the same for every auction; by
        default ``GAME``, and less for those in ``SMALLER_GAMES``.
    workers : Workers, optional
        Who studies the auctions; by default a process per core.
    """
    whole("profiles", profiles, minimum=1)
    names = list(auctions or list_auctions())
    size = {**GAME, **(game or {})}
    played = {"scenario": "misreport-study", "seed": seed, "auctions": names, "profiles": profiles, "game": size}
    with scenario_directory(out, played) as folder:
        jobs = [
            Job(name, _study, (name, profiles, {**size, **(SMALLER_GAMES.get(name, {}) if game is None else {})}, seed))
            for name in names
        ]
        done = run_campaign(
            jobs, unfinished(out), identity=played, workers=workers, title="Studying auctions", progress=progress
        )
        rows: list[Row] = []
        games: dict[str, Equilibrium] = {}
        for name in names:
            figures = done.figures(name)
            rows += [{**row, "gain": Interval(*row["gain"])} for row in figures["misreports"]]
            parts = {kind: done.frame(name, kind) for kind in ("matrix", "paths", "mixture")}
            told = {kind: figures[kind] for kind in ("regret", "basin")}
            games[name] = Equilibrium(tuple(figures["strategies"]), **parts, **told)
        (folder / "games").mkdir()
        for name, found in games.items():
            stem = Path(name).stem
            found.matrix.to_csv(folder / "games" / f"{stem}-payoffs.csv", index=False)
            found.paths.to_csv(folder / "games" / f"{stem}-paths.csv", index=False)
            equilibrium_figure(found.matrix, found.paths, name=stem).savefig(folder / "games" / f"{stem}.png", dpi=70)
        return write_finding("misreport-study", finding(rows, games), folder, out)


def finding(misreports: list[Row], games: dict[str, Equilibrium]) -> StudyFinding:
    """Sum up which lies pay where, and where truth survives."""
    rows = [
        auction_row(name, [row for row in misreports if row["auction"] == name], found) for name, found in games.items()
    ]
    gains = pd.DataFrame(
        [{"auction": row["auction"], "misreport": row["misreport"], "gain": row["gain"].mean} for row in misreports]
    )
    return StudyFinding(
        sentences=sentences(rows),
        tables={"auctions": rows},
        extra_tables={"misreports": misreports},
        picture=study_figure(gains, {name: found.paths for name, found in games.items()}),
        note=(
            "Gain: of one liar among truthful owners, over the truth and per cost of all she has; mean over owners. "
            "Paying: of those tried, how many gain on average (interval above 0; a gain of 1e-9 of her cost is "
            "rounding). Ends at: what most owners play "
            "when the dynamics that start from all strategies alike end, and their share. Regret there: what one owner "
            "could still gain, on fresh profiles. Basin: share of random starts that end at truth. Intervals: "
            "bootstrap of profiles, for the basin Clopper and Pearson's."
        ),
    )


def auction_row(name: str, misreports: list[Row], found: Equilibrium) -> Row:
    """One auction: its best simple lie, and where its game ends."""
    best = max(misreports, key=lambda row: row["gain"].mean)
    end = found.mixture.loc[found.mixture["share"].idxmax()]
    return {
        "auction": name,
        "best_misreport": best["misreport"],
        "gain": best["gain"],
        "paying": sum(row["gain"].low > ROUNDING for row in misreports),
        "ends_at": f"{end['strategy']} ({end['share']:.2f})",
        "regret_there": _interval(found.regret, "regret"),
        "basin": _interval(found.basin, "basin"),
    }


def sentences(rows: list[Row]) -> list[str]:
    """The answers to both questions."""
    paying = [row for row in rows if row["paying"]]
    honest = [row["auction"] for row in rows if not row["paying"]]
    answers = []
    if paying:
        worst = max(paying, key=lambda row: row["gain"].mean)
        answers.append(
            f"Some simple lie pays in {len(paying)} of {len(rows)} auctions ({_names(paying)}), most in "
            f"{worst['auction']}: {worst['best_misreport']} gains {worst['gain'].mean:.2f} of her cost."
        )
    if honest:
        answers.append(f"None of the lies pays on average in {', '.join(honest)}.")
    always = [row for row in rows if row["basin"].mean == 1]
    never = [row for row in rows if row["basin"].mean == 0]
    if always:
        answers.append(f"Truth takes over from every start in {_names(always)}.")
    if never:
        answers.append(f"It takes over from none in {_names(never)}.")
    some = [row for row in rows if 0 < row["basin"].mean < 1]
    if some:
        shares = ", ".join(f"{row['auction']} ({100 * row['basin'].mean:.0f} %)" for row in some)
        answers.append(f"It takes over from a part of the starts in {shares}.")
    return answers


def misreport_rows(name: str, profiles: int, seed: int) -> list[Row]:
    """What each simple lie brings one liar among truthful owners."""
    prior = OwnerPrior()
    auction = load_auction(name, prior)
    generator = torch.Generator().manual_seed(seed)
    types, budget = prior.sample(profiles, OWNERS, generator)
    game = Counterfactuals(auction, types, budget, rerun=not lists_hold(auction, types, budget, generator))
    weights = resamples(profiles, seed)  # [draw, profile]
    count = (types.data_size > 0).sum(-1).double().numpy()  # owners present, [profile]
    rows: list[Row] = []
    _truth, *misreports = pure_strategies(auction.guarantees.strategic).items()
    for misreport, strategy in misreports:
        gain = per_cost(types, game.gains(strategy(types)))  # [profile, owner]
        over = ratio_ends("", gain.sum(-1).numpy(), count, weights)
        rows.append(
            {
                "auction": name,
                "misreport": misreport,
                "gain": Interval(float(gain.sum() / count.sum()), over["low"], over["high"]),
                "gaining": float((gain > ROUNDING).sum() / count.sum()),
                "best": float(gain.max()),
            }
        )
    return rows


def _study(name: str, profiles: int, game: dict[str, Any], seed: int) -> JobResult:
    """One auction, as the job of a campaign."""
    prior = OwnerPrior()
    found = equilibrium(load_auction(name, prior), prior, owners=OWNERS, seed=seed, **game)
    rows = misreport_rows(name, profiles, seed)
    return JobResult(
        {"matrix": found.matrix, "paths": found.paths, "mixture": found.mixture},
        {
            "strategies": found.strategies,
            "regret": found.regret,
            "basin": found.basin,
            "misreports": [{**row, "gain": [row["gain"].mean, row["gain"].low, row["gain"].high]} for row in rows],
        },
    )


def _interval(found: dict[str, Any], name: str) -> Interval:
    return Interval(found[name], found[f"{name}_low"], found[f"{name}_high"])


def _names(rows: list[Row]) -> str:
    return ", ".join(row["auction"] for row in rows)
