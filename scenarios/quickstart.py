"""If people in this market lie, who gains, who pays, and does the learning survive it?

One buyer learns handwritten digits from owners who sell privacy through the learned auction ``ascending-menu``. Seven
owners of ten tell the truth, the others lie in four ways. The market is played with five seeds; beside it the same
market with everybody telling the truth, the same market without noise, and the accuracy of guessing.

Owners send the direction of their mean gradient (``clip="direction"``): it fills the ball that its noise is measured
by, where the mean of many clipped gradients is short and drowns in the same noise. What is bought of only a part of an
owner's records then counts as missing in the error bound.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agents.files import write_file
from agents.tasks.registry import load_task
from analysis.plots.market import market_figure
from market_sim import MarketConfig
from market_sim.campaign.workers import Workers
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.market_summary import market_figures, market_summary
from scenarios.commands.report import REPORT_NAME, report_html
from scenarios.commands.runs import read_runs
from scenarios.commands.study import REPETITIONS, play, seeds_of

DURATION = "about a minute"

MARKET = MarketConfig(
    task="digits",
    owners=60,
    bidders=30,
    rounds=300,
    auction="ascending-menu",
    perturbation="privunit",
    strategies={
        "truthful": 0.7,
        "scaled-valuation": 0.075,
        "understated-privacy-budget": 0.075,
        "understated-data-size": 0.075,
        "random-misreport": 0.075,
    },
)


def run(
    *,
    seed: int = 0,
    out: Path = Path("runs/quickstart-seed0"),
    progress: bool = True,
    market: MarketConfig = MARKET,
    repetitions: int = REPETITIONS,
    workers: Workers | None = None,
) -> Answer:
    """Play the market with noise and without, with its liars and without, write tables and a figure, and sum up.

    Parameters
    ----------
    seed : int
        The repetitions use ``repetitions * seed`` and the seeds after it (from 0 again after the largest).
    out : Path
        Directory to write: ``market-SEED`` (with its paired run) and ``no-noise-SEED`` per repetition,
        ``quickstart.png``, ``report.html``.
    progress : bool
        Whether to show a progress bar.
    market : MarketConfig
        The market with noise.
    repetitions : int
        How many seeds.
    workers : Workers, optional
        Who plays the runs; by default a process per core.
    """
    seeds = seeds_of(seed, repetitions)
    markets = {"market": market, "no-noise": replace(market, perturbation="none")}
    played = {"scenario": "quickstart", "seed": seed, "repetitions": repetitions, "market": market.as_json()}
    with scenario_directory(out, played) as folder:
        tables = play(
            markets,
            seeds,
            folder,
            progress=progress,
            workers=workers,
            kept=unfinished(out),
            unpaired=["no-noise"],
            together=True,
        )
        ceiling = tables["no-noise"].rounds
        folders = {f"market-{each}": folder / f"market-{each}" for each in seeds}
        (found,) = read_runs(folders, progress=False).markets
        chance = load_task(market.task, market.data).chance
        figure = market_figure(found.rounds, found.trades, ceiling=ceiling, chance=chance)
        figure.savefig(folder / "quickstart.png", dpi=110)
        write_file(folder / REPORT_NAME, report_html([found], folders, ceiling=ceiling))
    figures = market_figures(found, chance=chance, ceiling=ceiling)
    files = [f"Tables and figure: {out}", f"Report: {out / REPORT_NAME}"]
    return Answer(figures=figures, summary=market_summary(found, figures, files))
