"""The paper's figures as a summary for the console and as an HTML report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from analysis.formatting import with_interval
from analysis.published_values import table_1
from analysis.report.html import document, folded, html_table, listing, paragraph, picture, section

QUESTION = "What do the paper's figures look like with the mechanisms here?"
CAPTIONS = {
    "fig7": (
        "Fig. 7: error bound against budget",
        "Mean error bound of valid rounds, 95 % intervals; hollow marks: published, read off the paper's plots. Beside "
        "a high invalid rate (Fig. 8) a low mean flatters: only the easy rounds are left in it.",
    ),
    "fig8": ("Fig. 8: invalid rounds", "How often nobody sells, 95 % Clopper-Pearson intervals; hollow: published."),
    "fig9": (
        "Fig. 9: accuracy against rounds",
        "Mean and range over the seeds, with PrivUnit noise on clipped owners' means. The published marks are for the "
        "paper's full NSL-KDD training file and Laplace noise: compare shapes, not heights.",
    ),
    "fig10": (
        "Fig. 10: guarantees against M",
        "Regret that a search finds (at least) and violation of individual rationality, over cost, by the number of "
        "privacy levels on sale; missing where nobody sells. The networks are trained here, for the steps that the "
        "numbers below say, on the IID prior only, and looked at on both: after a few steps this shows how hard M "
        "levels are to learn, not what they can do. Refusals make individual rationality exact here, where the paper "
        "penalises its violation.",
    ),
}
TABLE_1_COLUMNS = {
    "setting": "setting",
    "auction": "auction",
    "regret": "regret / cost, at least [ ]",
    "ir": "IR violation / cost [ ]",
    "published regret": "published regret",
    "published ir": "published IR violation",
}
TABLE_1_ENDS = {"regret": ("regret_low", "regret_high"), "ir": ("ir_low", "ir_high")}
BOUND_COLUMNS = {
    "setting": "setting",
    "auction": "auction",
    "aggregation": "weights",
    "budget_factor": "f",
    "error_bound": "error bound [ ]",
    "invalid_rate": "invalid rate [ ]",
}
BOUND_ENDS = {"error_bound": ("low", "high"), "invalid_rate": ("invalid_low", "invalid_high")}


def summary_sentences(tables: Mapping[str, pd.DataFrame]) -> str:
    """One sentence per setting, drawn from the numbers: who has the lowest bound at f = 1, and who can be lied to."""
    sentences = []
    bounds, misreports = tables["bounds"], tables["table-1"]
    factor = min(bounds["budget_factor"].unique(), key=lambda value: abs(value - 1.0))
    for setting in dict.fromkeys(bounds["setting"]):
        here = bounds[(bounds["setting"] == setting) & (bounds["budget_factor"] == factor)]
        best = here.loc[here["error_bound"].idxmin()]
        found = misreports[misreports["setting"] == setting].sort_values("regret", ascending=False, kind="stable")
        worst, none = found.iloc[0], found.loc[found["regret"] == 0, "auction"]
        exact = f" and none in {', '.join(none)}" if len(none) else ""
        regret = with_interval(worst["regret"], worst["regret_low"], worst["regret_high"])
        sentences.append(
            f"{setting}: the lowest mean error bound at f = {factor:g} is "
            f"{with_interval(best['error_bound'], best['low'], best['high'])}, of {best['auction']} with "
            f"{best['aggregation']} weights ({100 * best['invalid_rate']:.3g} % invalid); the search found the most "
            f"regret in {worst['auction']} ({regret} of cost){exact}."
        )
    return " ".join(sentences)


def paper_report(
    tables: Mapping[str, pd.DataFrame],
    figures: Mapping[str, Figure],
    *,
    skipped: Mapping[str, str],
    played: Mapping[str, Any],
) -> str:
    """The HTML report: figures 7 to 10, Table I, what was skipped, how it was made."""
    levels = {str(name): str(name).replace("_", " ") for name in tables["levels"].columns}
    parts = [
        section(name, heading, picture(f"{name}-picture", figures[name], caption))
        for name, (heading, caption) in CAPTIONS.items()
    ]
    parts.append(
        section(
            "table-1",
            "Table I: regret and individual rationality",
            html_table("misreports", with_published(tables), TABLE_1_COLUMNS, intervals=TABLE_1_ENDS),
        )
    )
    parts.append(
        section(
            "numbers",
            "Numbers",
            folded("Fig. 7 and 8", html_table("bounds", tables["bounds"], BOUND_COLUMNS, intervals=BOUND_ENDS)),
            folded("Fig. 10", html_table("levels", tables["levels"], levels)),
        )
    )
    if skipped:
        parts.append(section("skipped", "Skipped", *(paragraph(f"{name}: {why}") for name, why in skipped.items())))
    parts.append(section("configuration", "Configuration", listing(played)))
    return document("The paper's figures", QUESTION, summary_sentences(tables), parts)


def with_published(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Table I with the published values beside ours (DM-RegretNet's with OptAggr)."""
    printed = table_1()
    printed = printed[printed["aggregation"] != "conventional"].rename(
        columns={"regret": "published regret", "ir": "published ir"}
    )
    return tables["table-1"].merge(printed.drop(columns="aggregation"), on=["setting", "auction"], how="left")


def paper_summary(
    tables: Mapping[str, pd.DataFrame], skipped: Mapping[str, str], out: Path
) -> tuple[RenderableType, ...]:
    """Sentences, Table I and where the rest is."""
    shown = Table(title="Table I: over cost, at least [95 %]", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("setting", "mechanism", "regret", "published", "IR violation", "published"):
        shown.add_column(column, justify="left" if column in ("setting", "mechanism") else "right", no_wrap=True)
    for row in with_published(tables).to_dict("records"):
        shown.add_row(
            row["setting"],
            row["auction"],
            with_interval(row["regret"], row["regret_low"], row["regret_high"]),
            "" if pd.isna(row["published regret"]) else f"{row['published regret']:.4f}",
            with_interval(row["ir"], row["ir_low"], row["ir_high"]),
            "" if pd.isna(row["published ir"]) else f"{row['published ir']:.4f}",
        )
    missing = [Text(f"Skipped {name}: {why}") for name, why in skipped.items()]
    return (
        Text(summary_sentences(tables)),
        shown,
        *missing,
        Text(f"Figures and tables: {out}"),
        Text(f"Report: {out / 'report.html'}"),
    )
