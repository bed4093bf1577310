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
            section("effects", "Effects", paragraph(NOTE), html_table("effects-table", _named(found))),
            section("facets", "All markets", picture("facets-picture", facets_figure(measured, sweep.varied),
                                                     "Means over the seeds with 95 % intervals.")),
            section("cells", "Means", html_table("cells-table", _wide(means))),
            section("differences", "Paired differences", html_table("differences-table", _named(differences))),
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


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(measure=[MEASURES[name].name for name in frame["measure"]])


def _wide(means: pd.DataFrame) -> pd.DataFrame:
    """A row per cell, three columns per measure."""
    rows: dict[str, dict[str, object]] = {}
    for row in means.to_dict(orient="records"):
        name = MEASURES[row["measure"]].name
        rows.setdefault(row["cell"], {"cell": row["cell"]}).update(
            {name: row["mean"], f"{name}, from": row["low"], f"{name}, to": row["high"]}
        )
    return pd.DataFrame(list(rows.values()))
