"""The command `market-sim report`: a self-contained HTML report about a run, or about several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.files import write_file
from agents.tasks.registry import load_task
from analysis.formatting import with_interval
from analysis.report.comparison import comparison_report
from analysis.report.html import GENERATOR
from analysis.report.runs import MarketRuns, markets_of
from analysis.report.single import market_report
from market_sim import load_results
from market_sim.directory import directory_of, prepare
from market_sim.results import sha256_of
from scenarios.commands.answer import Answer
from scenarios.commands.directory import MANIFEST
from scenarios.commands.market_summary import market_figures, market_summary
from scenarios.commands.runs import read_runs

REPORT_NAME = "report.html"
FILES = ("rounds.parquet", "trades.parquet", "config.json")


def write_report(runs: Sequence[str | Path], out: str | Path | None, *, progress: bool) -> Answer:
    """Write the report and say where it is.

    Parameters
    ----------
    runs : sequence of str or Path
        Run directories; a scenario's directory stands for all runs in it.
    out : str or Path, optional
        The file to write; by default ``report.html`` in the run's directory where there is only one.
    progress : bool
        Whether to show that something is going on.

    Raises
    ------
    FileNotFoundError, ValueError
        If a directory is no run of this project, or there are several and no ``out``.
    FileExistsError, OSError
        If ``out`` is something other than an earlier report, or cannot be written; before the report is made.
    """
    folders = run_directories(runs)
    target = _target(folders, out)
    # What cannot be reported on is refused before a directory is made for the report.
    markets_of({name: load_results(folder) for name, folder in folders.items()})
    check_target(target)
    read = read_runs(folders, progress=progress)
    markets = read.markets
    with Console(stderr=True).status(f"Writing {target}") if progress else nullcontext():
        write_file(target, report_html(markets, folders))
    numbers = {market.label: market.numbers.to_dict(orient="records") for market in markets}
    figures = {"report": str(target), "bytes": target.stat().st_size, "runs": list(folders), "markets": numbers}
    named = [f"{market.label}: {', '.join(market.runs)}" for market in markets] if len(markets) > 1 else []
    if len(markets) == 1:
        told = market_figures(markets[0], chance=_chance(markets[0]))
        summary = market_summary(markets[0], told, [*read.not_played, f"Report: {target}"])
        return Answer(figures={**figures, **told}, summary=summary)
    return Answer(figures=figures, summary=(_table(markets), *map(Text, (*named, f"Report: {target}"))))


def report_html(
    markets: Sequence[MarketRuns], folders: Mapping[str, Path], *, ceiling: pd.DataFrame | None = None
) -> str:
    """Return the report on one market, or the comparison of several, as HTML.

    Parameters
    ----------
    markets : sequence of MarketRuns
    folders : mapping of str to Path
        Where the runs lie, by name: their files are hashed.
    ceiling : DataFrame, optional
        Rounds of the one market played without noise, with ``seed``.
    """
    hashes = {name: {file: sha256_of(folder / file) for file in FILES} for name, folder in folders.items()}
    if len(markets) > 1:
        return comparison_report(markets, hashes=hashes)
    return market_report(markets[0], hashes=hashes, ceiling=ceiling, chance=_chance(markets[0]))


def run_directories(runs: Sequence[str | Path]) -> dict[str, Path]:
    """Directories of the runs by a short name; a scenario's directory is opened.

    Raises
    ------
    ValueError
        If there is none, or one is named twice.
    """
    found: list[Path] = []
    for given in runs:
        folder = directory_of("run", given)
        inside = sorted(file.parent for file in folder.glob("*/config.json")) if (folder / MANIFEST).is_file() else []
        found += inside or [folder]
    if not found:
        raise ValueError("no run to report on: pass at least one run directory")
    whole = [folder.absolute() for folder in found]
    for folder in found:
        if whole.count(folder.absolute()) > 1:
            raise ValueError(f"run {str(folder)!r} is named twice; pass it once")
    names = [folder.absolute().name for folder in found]
    return {str(folder) if names.count(name) > 1 else name: folder for name, folder in zip(names, found, strict=True)}


def _target(folders: Mapping[str, Path], out: str | Path | None) -> Path:
    if out is None:
        if len(folders) > 1:
            raise ValueError(
                f"{len(folders)} runs and no place for their report: pass --out PAGE, e.g. --out runs/comparison.html"
            )
        # A report is never the only file of a directory: what holds no run is refused before it is written there.
        load_results(next(iter(folders.values())))
        return next(iter(folders.values())) / REPORT_NAME
    target = directory_of("out", out)
    if target.suffix not in (".html", ".htm"):
        raise ValueError(f"out = {str(target)!r}: name a page that ends in .html")
    return target


def check_target(target: Path) -> None:
    """Refuse a place where a report cannot be written, or would replace anything but an earlier report.

    Raises
    ------
    FileExistsError, OSError
        Naming it and the remedy.
    """
    if target.is_dir():
        raise IsADirectoryError(f"out = {str(target)!r} is a directory; name a page in it, e.g. {target / REPORT_NAME}")
    if target.exists() and GENERATOR not in target.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise FileExistsError(f"out = {str(target)!r} is not a report of ours; pass another name or remove it first")
    prepare(target)


def _chance(market: MarketRuns) -> float | None:
    """Accuracy of guessing, where the task can be had: its files may lie elsewhere by now."""
    config = market.config
    try:
        return float(load_task(config["task"], config["data"], **config["task_options"]).chance)
    except (OSError, ValueError, TypeError):
        return None


def _table(markets: Sequence[MarketRuns]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("mean [95 %]", no_wrap=True)
    for market in markets:
        shown.add_column(market.label, justify="right")
    shown.add_column("unit")
    for row in markets[0].numbers.to_dict(orient="records"):
        each = [market.number(row["quantity"]) for market in markets]
        cells = [with_interval(found["mean"], found["low"], found["high"]) for found in each]
        shown.add_row(row["quantity"], *cells, row["unit"])
    return shown
