"""What does this project let one see?

A picture per question, each with the command that answers it at full length; ``make gallery`` draws them all into
``docs/gallery``, where ``docs/gallery.md`` shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from rich.text import Text

from agents.broker.auctions.registry import load_auction
from agents.owner.strategies.base import Strategy
from agents.prior import OwnerPrior
from analysis.key_figures import key_figures
from analysis.paper_figures import bounds_by_budget
from analysis.plots.comparison import numbers_figure, overlay_figure
from analysis.plots.market import market_figure
from analysis.plots.paper import error_bound_figure
from analysis.plots.rounds import accounts_figure, privacy_figure, rounds_figure
from analysis.published_values import error_bounds
from analysis.report.comparison import DRAWN
from analysis.summary import stacked
from market_sim import MarketConfig
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.job import Job
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers
from market_sim.results import Results
from scenarios.commands.answer import Answer
from scenarios.commands.directory import scenario_directory, unfinished
from scenarios.commands.progress import bar
from scenarios.commands.study import play_markets, results_of
from scenarios.commands.threads import torch_threads

DURATION = "about a minute"

MAX_BYTES = 200_000
"""Bytes of a picture, at most."""
SHARES: Mapping[str | type[Strategy], float] = {
    "truthful": 0.5,
    "scaled-valuation": 0.125,
    "understated-privacy-budget": 0.125,
    "understated-data-size": 0.125,
    "random-misreport": 0.125,
}
MARKET = MarketConfig(
    owners=60, bidders=20, rounds=120, clip="owner", clip_norm=0.1, learning_rate=1.0, strategies=SHARES
)
AUCTIONS = ("ascending-menu", "all-in", "posted-price", "pay-as-bid")
BOUND_AUCTIONS = (
    "ascending-menu",
    "sequential-menu",
    "equivariant-menu",
    "dm-regretnet",
    "m-regretnet",
    "regretnet",
    "all-in",
)

SET = "--set owners=60 --set bidders=20 --set rounds=120 --set clip=owner --set clip_norm=0.1 --set learning_rate=1.0"
DEVIATORS = " ".join(f"--strategy {name}={share}" for name, share in SHARES.items())


def _report(auction: str, folder: str) -> str:
    """The commands that play a market under ``auction`` and report on it."""
    return (
        f"market-sim run market --set auction={auction} {SET} {DEVIATORS} --out runs/{folder}\n"
        f"market-sim report runs/{folder}"
    )


CLOSING = """\
## The paper's figures

`market-sim run paper-figures` draws Fig. 7 to 10 and Table I in minutes, from few samples and networks that are hardly
trained. `--set mode=full` takes the samples of a publication and trains to the end (hours on two cores);
`--data DIRECTORY` learns NSL-KDD, the paper's task, from its files instead of the digits that come with it. What the
paper prints is drawn in as hollow marks.
"""


@dataclass(frozen=True)
class Picture:
    """One picture of the gallery.

    Parameters
    ----------
    question : str
        What it answers.
    command : str
        What answers it at full length, as it is typed.
    draw : callable
        From the runs (by auction) to the figure.
    """

    question: str
    command: str
    draw: Callable[[dict[str, Results]], Figure]


def _tables(runs: dict[str, Results], auction: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    results = runs[auction]
    return stacked({0: results.rounds}), stacked({0: results.trades})


def _numbers(runs: dict[str, Results]) -> Figure:
    numbers = pd.concat([key_figures(*_tables(runs, name)).assign(market=name) for name in AUCTIONS])
    return numbers_figure(numbers[numbers["quantity"].isin(DRAWN)])


def _overlay(runs: dict[str, Results]) -> Figure:
    tables = {name: _tables(runs, name) for name in AUCTIONS}
    return overlay_figure(
        {name: rounds for name, (rounds, _) in tables.items()}, {name: trades for name, (_, trades) in tables.items()}
    )


def _bounds(_: dict[str, Results]) -> Figure:
    auctions = {name: load_auction(name, OwnerPrior()) for name in BOUND_AUCTIONS}
    return error_bound_figure(bounds_by_budget(auctions, profiles=400), error_bounds())


COMPARE_COMMANDS = "\n".join(
    [
        *(f"market-sim run market --set auction={name} {SET} {DEVIATORS} --out runs/{name}" for name in AUCTIONS),
        f"market-sim report {' '.join(f'runs/{name}' for name in AUCTIONS)} --out runs/auctions.html",
    ]
)
PICTURES: dict[str, Picture] = {
    "no-lie-pays": Picture(
        "Does lying pay where everybody chooses from a price list that no lie of hers can improve?",
        _report("ascending-menu", "menu"),
        lambda runs: market_figure(*_tables(runs, "ascending-menu"), chance=0.1),
    ),
    "lies-pay": Picture(
        "And where everybody is paid what she asks?",
        _report("pay-as-bid", "pay-as-bid"),
        lambda runs: market_figure(*_tables(runs, "pay-as-bid"), chance=0.1),
    ),
    "accounts": Picture(
        "What do truth-tellers and liars earn, and what would the truth have brought them?",
        _report("ascending-menu", "menu"),
        lambda runs: accounts_figure(_tables(runs, "ascending-menu")[1]),
    ),
    "development": Picture(
        "How does a market go from round to round?",
        _report("ascending-menu", "menu"),
        lambda runs: rounds_figure(*_tables(runs, "ascending-menu")),
    ),
    "privacy": Picture(
        "How much privacy is gone after so many rounds?",
        _report("ascending-menu", "menu"),
        lambda runs: privacy_figure(_tables(runs, "ascending-menu")[1]),
    ),
    "auctions": Picture("Which auction serves the buyer, and which invites lies?", COMPARE_COMMANDS, _numbers),
    "learning": Picture("Whose model learns most, under which auction?", COMPARE_COMMANDS, _overlay),
    "error-bound": Picture(
        "How good a gradient does a budget buy, beside what the paper prints?",
        "market-sim run paper-figures",
        _bounds,
    ),
}


def run(
    *,
    seed: int = 0,
    out: Path = Path("runs/gallery-seed0"),
    progress: bool = True,
    workers: Workers | None = None,
) -> Answer:
    """Play the markets, draw every picture into ``out`` and name them.

    Parameters
    ----------
    seed : int
        Of the markets.
    out : Path
        Directory to write: a PNG per picture.
    progress : bool
        Whether to show a progress bar.
    workers : Workers, optional
        Who plays the markets; by default a process per core.

    Raises
    ------
    ValueError
        If a picture would be larger than ``MAX_BYTES`` bytes.
    """
    with (
        scenario_directory(out, {"scenario": "gallery"}) as folder,
        kept_in(unfinished(out) / "runs") as kept,
        torch_threads(1),
    ):
        runs = _play(seed, kept, workers, progress)
        sizes = _draw(runs, folder, progress)
    lines = [Text(f"{out / name}: {PICTURES[name.removesuffix('.png')].question}") for name in sizes]
    return Answer(figures={"pictures": sizes}, summary=tuple(lines))


def _play(seed: int, kept: Path, workers: Workers | None, progress: bool) -> dict[str, Results]:
    """The runs, by auction; what was played by an earlier call is in ``kept``."""
    markets = {name: replace(MARKET, auction=name) for name in AUCTIONS}
    found = run_campaign(
        [Job(name, play_markets, ([(name, market)], seed)) for name, market in markets.items()],
        kept,
        identity={"seed": seed, "markets": {name: market.as_json() for name, market in markets.items()}},
        workers=workers,
        title="Playing markets",
        progress=progress,
    )
    runs = {name: results_of(found, name, name) for name in AUCTIONS}
    return {name: run for name, run in runs.items() if run is not None}


def _draw(runs: dict[str, Results], folder: Path, progress: bool) -> dict[str, int]:
    """Every picture, and its bytes."""
    sizes: dict[str, int] = {}
    with bar(progress, "drawing", len(PICTURES)) as advance:
        for name, picture in PICTURES.items():
            file = folder / f"{name}.png"
            picture.draw(runs).savefig(file, dpi=100)
            sizes[file.name] = file.stat().st_size
            if sizes[file.name] > MAX_BYTES:
                raise ValueError(f"picture {name!r} takes {sizes[file.name]:,} bytes; draw fewer points or panels")
            advance(name)
    return sizes


def gallery_page() -> str:
    """``docs/gallery.md``: every picture with its question and its command."""
    parts = [
        "# Gallery",
        "",
        "`make gallery` draws every picture; the commands under it answer its question at length.",
        "",
    ]
    for name, picture in PICTURES.items():
        parts += [f"## {picture.question}", "", f"![{picture.question}](gallery/{name}.png)", ""]
        parts += ["```sh", picture.command, "```", ""]
    return "\n".join([*parts, CLOSING])
