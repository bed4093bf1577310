"""The three questions of every market of a study: who gains by lying, who pays, and does the learning survive it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.headline import headline
from analysis.paired import learning_survives, who_pays
from analysis.summary import groups_summary
from scenarios.commands.study_summary import Row, StudyFinding

if TYPE_CHECKING:
    from scenarios.commands.study import StudyTables

HEADING = "who gains, who pays, does the learning survive"
NOTE = (
    "Lies paid: gained more than rounding over the same owner's truth in the same round. Together: what groups earned "
    "more than the truth would have brought them, per cent. Buyer's bound: mean error bound over that of everybody's "
    "truth in the same rounds [95 %, bootstrap of rounds]. Accuracy: after the last round less that of the same seeds "
    "with everybody truthful [95 %, Student's over the seeds]."
)


def with_answers(finding: StudyFinding, played: Mapping[str, StudyTables]) -> StudyFinding:
    """Add the answers of every market in which somebody lied to what a study found."""
    rows = [row for name, tables in played.items() if (row := answer_row(name, tables)) is not None]
    if not rows:
        return finding
    return replace(finding, tables={**finding.tables, HEADING: rows}, note=f"{finding.note} {NOTE}".strip())


def answer_row(name: str, tables: StudyTables) -> Row | None:
    """One market in which somebody lied."""
    found = headline(tables.trades, tables.groups)
    if not found.misreports:
        return None
    groups = groups_summary(tables.groups[tables.groups["members"] > 1])
    gain, truth = float(groups["gain"].sum()), float(groups["truthful_utility"].sum())
    return {
        "market": name,
        "lying_pays": found.verdict,
        "lies_paid": f"{found.paid:,} of {found.misreports:,}",
        "together": 100 * gain / truth if truth > 0 else float("nan"),
        "buyers_bound": who_pays(tables.rounds).error_bound,
        "accuracy": learning_survives(tables.rounds, tables.paired_rounds).difference,
    }
