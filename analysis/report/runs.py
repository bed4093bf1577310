"""Runs put together for a report: those of one market under several seeds, and markets told apart by what differs."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.findings import Findings, findings
from analysis.report.labels import differing_fields, format_value, labels
from analysis.summary import stacked
from market_sim.results import Results
from market_sim.tables import TABLES


@dataclass(frozen=True)
class MarketRuns:
    """All runs of one market: the same configuration and auction, different seeds.

    Parameters
    ----------
    label : str
        What tells it from the others of the report.
    runs : mapping of str to Results
        By the name of the run's directory.
    paired : mapping of str to DataFrame, optional
        Rounds of the paired runs (same seed, everybody truthful), by the name of the run; those that were played.
    """

    label: str
    runs: Mapping[str, Results]
    paired: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def manifest(self) -> dict[str, Any]:
        """``config.json`` of the first run."""
        return next(iter(self.runs.values())).config

    @property
    def config(self) -> dict[str, Any]:
        """Fields of ``MarketConfig``, as JSON holds them."""
        return dict(self.manifest["config"])

    @property
    def protected(self) -> bool:
        """Whether uploads were private at all."""
        return bool(self.manifest["perturbation"]["private"])

    @functools.cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of all runs, by name, with ``seed``."""
        return {
            name: stacked({run.config["seed"]: getattr(run, name) for run in self.runs.values()}) for name in TABLES
        }

    @property
    def rounds(self) -> pd.DataFrame:
        """Rounds of all runs, with ``seed``."""
        return self.tables["rounds"]

    @property
    def trades(self) -> pd.DataFrame:
        """Trades of all runs, with ``seed``."""
        return self.tables["trades"]

    @functools.cached_property
    def findings(self) -> Findings:
        """All that is said of the runs together."""
        paired = {self.runs[name].config["seed"]: rounds for name, rounds in self.paired.items()}
        return findings(
            self.tables,
            self.manifest["auction"]["guarantees"],
            paired_rounds=stacked(paired) if paired else None,
        )

    @property
    def numbers(self) -> pd.DataFrame:
        """The key numbers of all runs together."""
        return self.findings.numbers

    def number(self, quantity: str) -> dict[str, Any]:
        """One row of ``numbers``."""
        return self.findings.number(quantity)


def markets_of(results: Mapping[str, Results], paired: Mapping[str, pd.DataFrame] | None = None) -> list[MarketRuns]:
    """Put runs of the same market together, in the order given.

    Parameters
    ----------
    results : mapping of str to Results
        By name.
    paired : mapping of str to DataFrame, optional
        Rounds of their paired runs (``market_sim.paired_run``), by the same names; those that were played.

    Raises
    ------
    ValueError
        If there is no run, a run has no round, or two runs are the same.
    """
    if not results:
        raise ValueError("no run to report on: pass at least one run directory")
    groups: dict[str, dict[str, Results]] = {}
    for name, run in results.items():
        if not len(run.rounds):
            raise ValueError(f"run {name!r} has no completed round: nothing to report; run the market again")
        same = groups.setdefault(json.dumps([run.config["config"], run.config["auction"]], sort_keys=True), {})
        for other, there in same.items():
            if there.config["seed"] == run.config["seed"]:
                raise ValueError(
                    f"runs {other!r} and {name!r} are the same market with the same seed; pass one of them"
                )
        same[name] = run
    names = labels([next(iter(runs.values())).config for runs in groups.values()])
    return [
        MarketRuns(label, runs, {name: paired[name] for name in runs if name in paired} if paired else {})
        for label, runs in zip(names, groups.values(), strict=True)
    ]


def differing(markets: Sequence[MarketRuns]) -> pd.DataFrame:
    """The fields in which markets differ: one row per market, ``label`` first."""
    fields = differing_fields([market.config for market in markets])
    return pd.DataFrame(
        [
            {"label": market.label, **{name: format_value(name, market.config.get(name)) for name in fields}}
            for market in markets
        ]
    )
