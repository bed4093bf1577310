"""What an audit found: figures, tables, and a verdict on what the auction claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from agents.broker.checking.results import CheckReport
from agents.showing import Shown, ShowsItself
from analysis.incentives.flattening import combined_curve

AT_LEAST = "at least: every gain is the most that these attackers found, a better one may find more"
"""Stands beside every figure of an audit."""


@dataclass(frozen=True)
class ThreatFindings:
    """What one threat model brought.

    Parameters
    ----------
    threat : str
        The threat model in one sentence.
    fields : tuple of str
    claimed : bool
        Whether the auction claims that nothing here pays.
    statistics : mapping
        See ``analysis.incentives.statistics``.
    by_class : DataFrame
        By decile of the data size and class of the budget factor; see ``analysis.incentives.statistics``.
    interim : mapping
        See ``analysis.incentives.interim``; empty for coalitions.
    attackers : DataFrame
        ``attacker, queries, owners, found, best_for, note``: queries per owner it asked, how many owners, mean gain
        over their own cost that it found by itself, owners whose best lie it was the first to tell, and why it did
        nothing or stopped.
    curves : DataFrame
        What was found against queries, per attacker.
    owners : DataFrame
        One row per owner.
    """

    threat: str
    fields: tuple[str, ...]
    claimed: bool
    statistics: Mapping[str, Any]
    by_class: pd.DataFrame
    interim: Mapping[str, float]
    attackers: pd.DataFrame
    curves: pd.DataFrame
    owners: pd.DataFrame = field(repr=False)

    @property
    def pays(self) -> bool:
        """Whether any lie paid: gained more than rounding (``agents.surplus.pays``)."""
        return bool(self.owners["paid"].any())

    @property
    def exactly_0(self) -> bool:
        """Whether no lie gained anything at all, rounding included."""
        return not self.statistics["money"]["max"] > 0

    @property
    def contradicted(self) -> int:
        """Owners whose gain, run again, was not what the price lists had foretold."""
        return int(self.owners["contradicted"].sum())

    @property
    def queries(self) -> float:
        """Mean number of lies evaluated per owner."""
        return float(self.owners["queries"].mean()) if len(self.owners) else 0.0

    @property
    def late_growth(self) -> float:
        """By which part what all attackers together had found still grew over the last fifth of the queries.

        The second round included; 0 where nothing was found.
        """
        everybody = combined_curve(self.curves)["together"].to_numpy()
        if len(everybody) == 0 or everybody[-1] == 0:
            return 0.0
        before = everybody[int(0.8 * (len(everybody) - 1))]
        return float(1 - before / everybody[-1])


@dataclass(frozen=True, repr=False)
class AuditReport(ShowsItself):
    """What ``audit`` found.

    Parameters
    ----------
    auction : str
    settings : mapping
        Everything needed to repeat it.
    threats : mapping of ThreatFindings
        By the name of the threat model.
    structure : DataFrame
        Structural tests.
    checks : DataFrame
        What ``check_auction`` found; empty if it was not asked.
    controls : DataFrame
        Positive controls; empty if none were run.
    assumption : str
        What truthfulness rests on (``Guarantees.assumption``).
    """

    auction: str
    settings: Mapping[str, Any]
    threats: Mapping[str, ThreatFindings]
    structure: pd.DataFrame
    checks: pd.DataFrame
    controls: pd.DataFrame
    assumption: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing that the auction claims was refuted: gains exactly 0, every test and check kept."""
        kept = all(found.exactly_0 for found in self.threats.values() if found.claimed)
        claimed = self.structure["claim"] == "claimed"
        return kept and self.agrees and bool(self.structure.loc[claimed, "holds"].all()) and not self.refuted

    @property
    def refuted(self) -> list[str]:
        """The checks that the auction failed, of those that are held against it."""
        return CheckReport(self.auction, self.checks).refuted if len(self.checks) else []

    @property
    def agrees(self) -> bool:
        """Whether every best lie, run again, gained what it had been found to gain."""
        return not any(found.contradicted for found in self.threats.values())

    @property
    def untested(self) -> list[str]:
        """Threat models under which no lie was told at all: nothing is known there."""
        return [name for name, found in self.threats.items() if found.queries == 0]

    @property
    def powerful(self) -> bool:
        """Whether every positive control was caught."""
        return bool(len(self.controls)) and bool(self.controls["caught"].all())

    @property
    def failures(self) -> list[str]:
        """Attackers that could not finish, in words."""
        return [
            f"{name}: {row.attacker}: {row.note}"
            for name, found in self.threats.items()
            for row in found.attackers.itertuples()
            if str(row.note).startswith("stopped")
        ]

    @property
    def verdict(self) -> str:
        """Whether what it claims was refuted, in a few words."""
        if not self.ok:
            return "REFUTED"
        claimed = [name for name, found in self.threats.items() if found.claimed and name not in self.untested]
        return "nothing that it claims was refuted" if claimed else "it claims nothing about these lies"

    def shown(self) -> Shown:
        """The verdict and a row per threat model."""
        rows = []
        for name, found in self.threats.items():
            own, gaining = found.statistics["per_own_cost"], found.statistics["gaining"]["any"]
            rows.append(
                {
                    "threat model": name,
                    "claimed": "yes" if found.claimed else "no",
                    "lies told": int(found.owners["queries"].sum()),
                    "owners who gain": f"{gaining['mean']:.1%}",
                    "mean gain over own cost": float(own["mean"]),
                    "low": float(own["low"]),
                    "high": float(own["high"]),
                    "largest": float(own["max"]),
                }
            )
        notes = [f"All gains {AT_LEAST}.", *([self.assumption] if self.assumption else [])]
        if self.refuted:
            notes.append(f"Checks that it failed: {', '.join(self.refuted)}.")
        if len(self.controls):
            notes.append(f"Positive controls caught: {int(self.controls['caught'].sum())} of {len(self.controls)}.")
        return Shown(f"{self.auction}: {self.verdict}", pd.DataFrame(rows), tuple(notes))

    def figures(self) -> dict[str, Any]:
        """Every figure but the tables of single owners, as JSON holds it."""
        return {
            "auction": self.auction,
            "assumption": self.assumption,
            "label": AT_LEAST,
            "settings": dict(self.settings),
            "ok": self.ok,
            "failures": self.failures,
            "threats": {
                name: {
                    "threat_model": found.threat,
                    "claimed": found.claimed,
                    "pays": found.pays,
                    "exactly_0": found.exactly_0,
                    "queries_per_owner": found.queries,
                    "late_growth": found.late_growth,
                    "contradicted": found.contradicted,
                    "statistics": dict(found.statistics),
                    "interim": dict(found.interim),
                    "by_class": records(found.by_class),
                    "attackers": records(found.attackers),
                    "curves": records(found.curves),
                }
                for name, found in self.threats.items()
            },
            "structure": records(self.structure),
            "checks": records(self.checks),
            "controls": records(self.controls),
        }


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts of Python's own kinds of values."""
    return [
        {str(key): getattr(value, "item", lambda v=value: v)() for key, value in row.items()}
        for row in table.to_dict(orient="records")
    ]
