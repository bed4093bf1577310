"""What happens in this market?

Any market: every field of ``MarketConfig`` can be set, and what is not set is as in the library. On the command line:
``market-sim run market --set task=nsl-kdd --data DIRECTORY --set owners=1000 --strategy truthful=0.7 --strategy
scaled-valuation=0.3``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.tasks.registry import load_task
from market_sim import MarketConfig, run_market
from scenarios.commands.answer import Answer
from scenarios.commands.market_summary import market_figures, market_summary
from scenarios.commands.runs import read_runs
from scenarios.commands.threads import torch_threads

DURATION = "some seconds for the default market, more for a larger one"


def run(
    *,
    seed: int = 0,
    out: Path = Path("runs/market-seed0"),
    progress: bool = True,
    fields: Mapping[str, Any] | None = None,
    checkpoint_rounds: int | None = None,
) -> Answer:
    """Play one run and the paired run of its seed with everybody truthful, write them to ``out``, and sum up.

    Parameters
    ----------
    seed : int
        Of everything random.
    out : Path
        Run directory, as ``run_market`` writes it and ``load_results`` reads it.
    progress : bool
        Whether to show a progress bar.
    fields : mapping, optional
        Fields of ``MarketConfig``.
    checkpoint_rounds : int, optional
        Rounds between two checkpoints of the run; without, one comes every half a minute.

    Raises
    ------
    TypeError, ValueError, OSError
        If a field is refused, or ``out`` holds something else.
    """
    market = MarketConfig(**dict(fields or {}))
    with torch_threads(1):
        run_market(market, seed=seed, out=out, progress=progress, checkpoint_rounds=checkpoint_rounds)
        chance = load_task(market.task, market.data, **market.task_options).chance
    read = read_runs({out.name: out}, progress=progress)
    (found,) = read.markets
    figures = market_figures(found, chance=chance)
    return Answer(figures=figures, summary=market_summary(found, figures, [*read.not_played, f"Tables: {out}"]))
