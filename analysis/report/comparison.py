"""The report on several markets: their key numbers side by side with intervals, figures overlaid, what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.plots.comparison import numbers_figure, overlay_figure
from analysis.report.html import document, html_table, paragraph, picture, section, with_interval
from analysis.report.runs import MarketRuns, differing
from analysis.report.single import PROMISES, configuration
from analysis.summary import violations

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
    return document(
        f"{len(markets)} markets compared",
        QUESTION,
        comparison_answer(numbers),
        [
            section(
                "numbers",
                "Key numbers",
                _wide(numbers, [market.label for market in markets]),
                picture(
                    "marks", numbers_figure(numbers[numbers["quantity"].isin(DRAWN)]), "Means with 95 % intervals."
                ),
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
            section("promises", "Were promises kept?", _promises(markets)),
            section("differences", "What differs", _differences(markets)),
            *(
                section(
                    f"configuration-{place}",
                    f"Configuration: {each.label}",
                    *configuration(each, hashes or {}, f"-{place}"),
                )
                for place, each in enumerate(markets, start=1)
            ),
        ],
    )


def side_by_side(markets: Sequence[MarketRuns]) -> pd.DataFrame:
    """Key numbers of all markets: ``market, quantity, unit, mean, low, high``."""
    return pd.concat([market.numbers.assign(market=market.label) for market in markets], ignore_index=True)[
        ["market", "quantity", "unit", "mean", "low", "high"]
    ]


def comparison_answer(numbers: pd.DataFrame) -> str:
    """The answer, drawn from the numbers; a lead is one only where the intervals do not overlap."""
    misreports = _known(numbers, "lies that paid")
    paid = misreports[misreports["mean"] > 0]
    if not len(misreports):
        lying = "Nobody lied in any of them."
    elif not len(paid):
        lying = "Not one lie paid in any of them."
    else:
        shares = (f"{row['market']} ({_format_mean(row)} % of lies)" for row in paid.to_dict(orient="records"))
        lying = f"Lies paid in {', '.join(shares)}."
    return " ".join(
        [
            _leader(numbers, "test accuracy after the last round", "The highest test accuracy", largest=True),
            _leader(numbers, "error bound of valid rounds", "The lowest mean error bound", largest=False),
            lying,
        ]
    )


def _leader(numbers: pd.DataFrame, quantity: str, words: str, *, largest: bool) -> str:
    rows = _known(numbers, quantity).sort_values("mean", ascending=not largest, kind="stable")
    if not len(rows):
        return f"{words}: none could be measured."
    first = rows.iloc[0]
    sentence = f"{words}: {first['market']}, {_format_mean(first)}"
    if len(rows) == 1:
        return f"{sentence}."
    second = rows.iloc[1]
    sentence += f"; next {second['market']}, {_format_mean(second)}"
    if pd.isna([first["low"], first["high"], second["low"], second["high"]]).any():
        return f"{sentence} (one run each: no interval)."
    apart = first["low"] > second["high"] if largest else first["high"] < second["low"]
    return f"{sentence} ({'their intervals lie apart' if apart else 'their intervals overlap'})."


def _format_mean(row: Mapping[Any, Any] | pd.Series) -> str:
    return with_interval(row["mean"], row["low"], row["high"])


def _known(numbers: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return numbers[(numbers["quantity"] == quantity) & numbers["mean"].notna()]


def _wide(numbers: pd.DataFrame, labels: Sequence[str]) -> str:
    """One row per quantity; mean and both ends per market."""
    rows, headings = [], {"quantity": "quantity", "unit": "unit"}
    for place, market in enumerate(labels):
        headings |= {f"mean {place}": market, f"low {place}": "from", f"high {place}": "to"}
    for quantity, group in numbers.groupby("quantity", sort=False):
        row = {"quantity": quantity, "unit": group["unit"].iloc[0]}
        for place, market in enumerate(labels):
            found = group[group["market"] == market].iloc[0]
            row |= {f"{part} {place}": found[part] for part in ("mean", "low", "high")}
        rows.append(row)
    return html_table("key-numbers", pd.DataFrame(rows), headings, "Means with 95 % intervals.")


def _promises(markets: Sequence[MarketRuns]) -> str:
    broken = {market.label: violations(market.rounds, market.trades) for market in markets}
    rows = [
        {"promise broken": words, **{label: found[name] for label, found in broken.items()}}
        for name, words in PROMISES.items()
    ]
    return html_table("promises-table", pd.DataFrame(rows))


def _differences(markets: Sequence[MarketRuns]) -> str:
    found = differing(markets)
    if found.shape[1] == 1:
        return paragraph("The fields are the same; the auctions' checkpoints differ.")
    return html_table("differences-table", found)
