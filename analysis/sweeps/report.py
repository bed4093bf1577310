"""The report on a sweep: cells with intervals, paired differences, effects of every field, facets."""

from __future__ import annotations

import pandas as pd

from analysis.formatting import counted
from analysis.report.html import document, folded, html_table, listing, paragraph, picture, section
from analysis.sweeps.effects import cell_means, effects, paired_differences
from analysis.sweeps.figures import facets_figure
from analysis.sweeps.measures import MEASURES
from market_sim.sweeps.dataset import Sweep

QUESTION = "What do the settings change, for whom?"
NOTE = (
    "Means with Student's 95 % intervals over the seeds. Differences are taken seed by seed, between runs that drew "
    "the same owners, orders and noise. The gain of owners who act together is that of their group, shared equally."
)


def sweep_report(sweep: Sweep, measured: pd.DataFrame) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    sweep : Sweep
    measured : DataFrame
        From ``analysis.sweeps.measures.measured``.
    """
    means, differences = cell_means(measured), paired_differences(measured)
    found = effects(measured, sweep.varied)
    title = f"{counted(len(sweep.cells), 'market')} under {counted(len(sweep.seeds), 'seed')}"
    return document(
        title,
        QUESTION,
        answer(found),
        [
            section("effects", "Effects", paragraph(NOTE), _table("effects-table", found)),
            section("facets", "All markets", picture("facets-picture", facets_figure(measured, sweep.varied),
                                                     "Means over the seeds with 95 % intervals.")),
            section("cells", "Means", _wide(means)),
            section("differences", "Paired differences", _table("differences-table", differences)),
            section(
                "made",
                "How it was made",
                *map(paragraph, sweep.description["notes"]),
                folded("All settings", listing(dict(sweep.description["config"]))),
                folded("Versions", listing(dict(sweep.description["environment"]))),
                folded("SHA-256 of the tables", listing(dict(sweep.description["files"]))),
            ),
        ],
    )  # fmt: skip


def answer(found: pd.DataFrame) -> str:
    """One sentence: which effects lie apart from 0."""
    sure = found[(found["low"] > 0) | (found["high"] < 0)]
    if found.empty:
        return "Nothing varies, or nothing is known of the differences."
    parts = []
    for field, rows in sure.groupby("field", sort=False):
        names = ", ".join(dict.fromkeys(MEASURES[name].name for name in rows["measure"]))
        parts.append(f"{field} changes {names}")
    return ("; ".join(parts) or "No difference lies apart from 0") + " (95 % intervals over the seeds)."


def _table(name: str, frame: pd.DataFrame) -> str:
    """A table whose means have their intervals beside them."""
    named = frame.assign(measure=[MEASURES[each].name for each in frame["measure"]])
    headings = {column: column for column in named if column not in ("low", "high")} | {"difference": "difference [ ]"}
    return html_table(name, named, headings, intervals={"difference": ("low", "high")})


def _wide(means: pd.DataFrame) -> str:
    """A row per cell, a mean with its interval per measure."""
    rows: dict[str, dict[str, object]] = {}
    intervals: dict[str, tuple[str, str]] = {}
    for row in means.to_dict(orient="records"):
        name = MEASURES[row["measure"]].name
        intervals[name] = f"{name} low", f"{name} high"
        rows.setdefault(row["cell"], {"cell": row["cell"]}).update(
            {name: row["mean"], f"{name} low": row["low"], f"{name} high": row["high"]}
        )
    ends = [end for pair in intervals.values() for end in pair]
    frame = pd.DataFrame(list(rows.values()), columns=["cell", *intervals, *ends])
    return html_table("cells-table", frame, {"cell": "cell", **{name: name for name in intervals}}, intervals=intervals)
