"""One function that draws whatever this project hands out: results, audits, checks, evaluations, sweeps."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from agents.broker.checking.results import CheckReport
from agents.checks import one_of
from analysis.evaluation import BENCHMARKS
from analysis.evaluation_result import Evaluation
from analysis.frontier import frontier
from analysis.incentives.results import AuditReport
from analysis.plots.audit import curves_figure, gains_figure
from analysis.plots.bounds import bounds_figure
from analysis.plots.check import check_figure
from analysis.plots.frontier import frontier_figure
from analysis.plots.market import market_figure
from analysis.published_values import published_points
from analysis.summary import stacked
from analysis.sweeps.figures import facets_figure
from analysis.sweeps.measures import measured
from market_sim.results import Results
from market_sim.sweeps.dataset import Sweep

AUDIT_KINDS = ("gains", "curves")


def plot(shown: Any, *, threat: str | None = None, kind: str = "gains") -> Figure:
    """Draw what a market, an audit, a check, an evaluation or a sweep found.

    Parameters
    ----------
    shown : Results, AuditReport, CheckReport, Evaluation or Sweep
        What ``run_market``, ``audit``, ``check_auction``, ``evaluate`` or ``sweep`` returned.
    threat : str, optional
        Of an audit: the threat model, one of ``report.threats``; the first without.
    kind : {"gains", "curves"}
        Of an audit: who gains how much, or what was found against queries.

    Returns
    -------
    matplotlib.figure.Figure
        ``plot(x).savefig("x.png")`` keeps it; a notebook shows it.

    Raises
    ------
    TypeError, ValueError
        For anything else, a threat model that was not audited, and results without a round.
    """
    if isinstance(shown, AuditReport):
        return _audit(shown, threat, kind)
    if threat is not None or kind != "gains":
        raise ValueError(f"threat and kind are for an AuditReport; of a {type(shown).__name__} leave them out")
    if isinstance(shown, Results):
        return _results(shown)
    if isinstance(shown, CheckReport):
        return check_figure(shown.auction, shown.table)
    if isinstance(shown, Evaluation):
        return _evaluation(shown.table)
    if isinstance(shown, Sweep):
        return facets_figure(measured(shown), shown.varied)
    raise TypeError(
        f"plot({type(shown).__name__}): pass what run_market, audit, check_auction, evaluate or sweep returned"
    )


def _results(results: Results) -> Figure:
    if not len(results.rounds):
        raise ValueError("these results have no completed round: nothing to draw; run the market again")
    seed = results.config.get("seed", 0)
    classes = results.config.get("task", {}).get("classes") or ()
    chance = 1 / len(classes) if classes else None
    return market_figure(stacked({seed: results.rounds}), stacked({seed: results.trades}), chance=chance)


def _audit(report: AuditReport, threat: str | None, kind: str) -> Figure:
    name = one_of("threat", next(iter(report.threats)) if threat is None else threat, report.threats)
    found, title = report.threats[name], f"{report.auction}: {name}"
    if one_of("kind", kind, AUDIT_KINDS) == "curves":
        return curves_figure(found.curves, title)
    return gains_figure(found.owners, found.by_class, title)


def _evaluation(table: pd.DataFrame) -> Figure:
    if table.empty:
        raise ValueError("no auction was evaluated: nothing to draw; pass at least one to evaluate")
    if "regret" not in table.columns:
        return bounds_figure(table)
    return frontier_figure(
        frontier(table),
        table[table["auction"].isin(BENCHMARKS)],
        published_points("lognormal", 10).head(0),
        factors=list(dict.fromkeys(table["budget_factor"])),
    )
