"""The report on several markets: what differs, their key numbers side by side with intervals, figures overlaid.

One is called better than another only where task, prior and length are alike and the intervals lie apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.formatting import with_interval
from analysis.headline import Headline
from analysis.key_figures import INTERVALS
from analysis.plots.comparison import numbers_figure, overlay_figure
from analysis.report.html import document, html_table, paragraph, picture, section
from analysis.report.labels import unlike
from analysis.report.runs import MarketRuns, differing
from analysis.report.single import configuration, promises_table

QUESTION = "Which of these markets served the buyer better, and in which did lying pay?"
DRAWN = (
    "test accuracy after the last round",
    "error bound of valid rounds",
    "invalid rounds",
    "spent of the budget",
    "owners' surplus",
    "gain per lie",
)
"""Key numbers that are drawn as well as printed."""


def comparison_report(markets: Sequence[MarketRuns], *, hashes: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return the report on several markets, as HTML.

    Parameters
    ----------
    markets : sequence of MarketRuns
        At least two.
    hashes : mapping, optional
        sha256 of every run's files, by run and file name.

    Raises
    ------
    ValueError
        If there are fewer than two markets.
    """
    if len(markets) < 2:
        raise ValueError("a comparison needs two markets; all of these runs are the same one")
    numbers = side_by_side(markets)
    rounds = {market.label: market.rounds for market in markets}
    trades = {market.label: market.trades for market in markets}
    configs = [market.config | {"rounds": market.rounds["round"].nunique()} for market in markets]
    headlines = {market.label: market.findings.headline for market in markets}
    return document(
        f"{len(markets)} markets compared",
        QUESTION,
        f"Did lying pay? {'; '.join(f'{name}: {found.verdict.lower()}' for name, found in headlines.items())}.",
        [
            section("differences", "What differs", _differences(markets)),
            section(
                "numbers",
                "Key numbers",
                _headlines(headlines),
                _wide(numbers, [market.label for market in markets]),
            ),
            section(
                "rounds",
                "Round by round",
                picture(
                    "development",
                    overlay_figure(rounds, trades),
                    "Accuracy: mean and range over the runs. Others: means over blocks of rounds, 95 % intervals.",
                ),
            ),
            *(
                section(
                    f"promises-{place}",
                    f"What was promised, what was kept: {each.label}",
                    *promises_table(each, f"-{place}"),
                )
                for place, each in enumerate(markets, start=1)
            ),
            *(
                section(
                    f"configuration-{place}",
                    f"Configuration: {each.label}",
                    *configuration(each, hashes or {}, f"-{place}"),
                )
                for place, each in enumerate(markets, start=1)
            ),
        ],
        figure=picture(
            "marks",
            numbers_figure(numbers[numbers["quantity"].isin(DRAWN)]),
            "Means with 95 % intervals; a mark without whiskers has none.",
        ),
        more=comparison_answer(numbers, headlines, unlike(configs), same_bound(configs)),
    )


def side_by_side(markets: Sequence[MarketRuns]) -> pd.DataFrame:
    """Key numbers of all markets: ``market, quantity, unit, mean, low, high``."""
    return pd.concat([market.numbers.assign(market=market.label) for market in markets], ignore_index=True)[
        ["market", "quantity", "unit", "mean", "low", "high"]
    ]


def comparison_answer(
    numbers: pd.DataFrame, headlines: Mapping[str, Headline], unlike: Sequence[str] = (), same_bound: bool = True
) -> list[str]:
    """What the answer rests on, a line each, drawn from the numbers.

    Parameters
    ----------
    numbers : DataFrame
        Of ``side_by_side``.
    headlines : mapping of str to Headline
        Did lying pay, by market.
    unlike : sequence of str
        What keeps these markets from being called better or worse than one another.
    same_bound : bool
        Whether their error bounds measure the same.
    """
    accuracy = "Test accuracy after the last round", "test accuracy after the last round"
    bound = "Mean error bound", "error bound of valid rounds"
    said = [f"No market is called better than another: they differ in {', '.join(unlike)}."] if unlike else []
    said.append(_values(numbers, *accuracy) if unlike else _leader(numbers, *accuracy, "highest", largest=True))
    if unlike or not same_bound:
        said += [] if same_bound else ["Their error bounds are not comparable: clipping or measure differ."]
        said.append(_values(numbers, *bound))
    else:
        said.append(_leader(numbers, *bound, "lowest", largest=False))
    lying = " ".join(f"{market}: {found.sentence}." for market, found in headlines.items())
    return [*said, f"Did lying pay? {lying} [ ]: 95 % intervals."]


def same_bound(configs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the error bounds of markets are in the same unit."""
    return all(config[name] == configs[0][name] for config in configs for name in ("error_bound", "clip", "clip_norm"))


def _values(numbers: pd.DataFrame, words: str, quantity: str) -> str:
    rows = _known(numbers, quantity).to_dict(orient="records")
    each = "; ".join(f"{row['market']} ({_format_mean(row)})" for row in rows)
    return f"{words}: {each or 'none could be measured'}."


def _leader(numbers: pd.DataFrame, words: str, quantity: str, which: str, *, largest: bool) -> str:
    """Who leads, where intervals lie apart; else only the values."""
    rows = _known(numbers, quantity).sort_values("mean", ascending=not largest, kind="stable")
    sentence = _values(rows, words, quantity)
    if len(rows) < 2:
        return sentence
    first, second = rows.iloc[0], rows.iloc[1]
    if pd.isna([first["low"], first["high"], second["low"], second["high"]]).any():
        return f"{sentence} Which is {which} is not known: one run has no interval."
    apart = first["low"] > second["high"] if largest else first["high"] < second["low"]
    verdict = f"The {which}: {first['market']}" if apart else f"Which is {which} is open: intervals overlap"
    return f"{sentence} {verdict}."


def _format_mean(row: Mapping[Any, Any] | pd.Series) -> str:
    return with_interval(row["mean"], row["low"], row["high"])


def _known(numbers: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return numbers[(numbers["quantity"] == quantity) & numbers["mean"].notna()]


def _wide(numbers: pd.DataFrame, labels: Sequence[str]) -> str:
    """One row per quantity; a mean with its interval per market."""
    rows, headings, ends = [], {"quantity": "quantity"}, {}
    for place, market in enumerate(labels):
        headings[f"mean {place}"] = f"{market} [ ]"
        ends[f"mean {place}"] = f"low {place}", f"high {place}"
    headings["unit"] = "unit"
    for quantity, group in numbers.groupby("quantity", sort=False):
        row = {"quantity": quantity, "unit": group["unit"].iloc[0]}
        for place, market in enumerate(labels):
            found = group[group["market"] == market].iloc[0]
            row |= {f"{part} {place}": found[part] for part in ("mean", "low", "high")}
        rows.append(row)
    return html_table("key-numbers", pd.DataFrame(rows), headings, INTERVALS, intervals=ends)


def _headlines(headlines: Mapping[str, Headline]) -> str:
    rows = [{"market": name, "did lying pay?": each.verdict, "": each.sentence} for name, each in headlines.items()]
    return html_table("headlines", pd.DataFrame(rows))


def _differences(markets: Sequence[MarketRuns]) -> str:
    found = differing(markets)
    if found.shape[1] == 1:
        return paragraph("The fields are the same; the auctions' checkpoints differ.")
    return html_table("differences-table", found)
