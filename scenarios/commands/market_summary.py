"""What happened in a market, for the console: of the quickstart, of any other, and beside a report.

Everything is printed from ``MarketRuns.findings``, as the report prints it: the same numbers, the same digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from analysis.findings import Findings
from analysis.formatting import accuracy, rounded, with_interval
from analysis.privacy_account import privacy_sentences
from analysis.promises import promises_sentence, tried_or_claimed
from analysis.recognition import recognition
from analysis.report.runs import MarketRuns
from analysis.report.single import NOT_PUBLIC, accuracy_words
from analysis.summary import final_accuracy, tails_too_heavy


def market_figures(market: MarketRuns, *, chance: float | None, ceiling: pd.DataFrame | None = None) -> dict[str, Any]:
    """Everything the summary says, as numbers.

    Parameters
    ----------
    market : MarketRuns
    chance : float, optional
        Accuracy of guessing.
    ceiling : DataFrame, optional
        Rounds of the same market without noise, with ``seed``.
    """
    found = market.findings
    return {
        "headline": asdict(found.headline),
        "lying": found.lying.to_dict("records"),
        "groups": found.groups.to_dict("records"),
        "who_pays": list(found.payers.sentences),
        "learning": asdict(found.learning),
        "promises": found.promises.to_dict("records"),
        "numbers": found.numbers.to_dict("records"),
        "accuracy_by_seed": _by_seed(market.rounds),
        **({} if ceiling is None else {"accuracy_without_noise": _by_seed(ceiling)}),
        "chance": chance,
        "classes": recognition(market.tables["confusion"]).classes.to_dict("records"),
        "task": market.manifest["task"],
        "privacy": {**found.privacy, "noise": market.protected, "account": market.manifest["privacy_account"]},
        "outside_training": market.manifest["outside_training"],
        "shares_of_nobody": market.manifest["shares_of_nobody"],
        "market": market.config,
    }


def market_summary(
    market: MarketRuns, figures: Mapping[str, Any], files: Sequence[str] = ()
) -> tuple[RenderableType, ...]:
    """The three questions, what the buyer got, promises and privacy, then where the files are.

    ``figures`` are those of ``market_figures`` about the same market; ``files`` are sentences.
    """
    found = market.findings
    return (
        Text("Who gains? Did lying pay?", style="bold"),
        *_lying(found),
        *map(Text, (*figures["outside_training"], *figures["shares_of_nobody"])),
        _heading("Who pays?"),
        *map(Text, found.payers.sentences),
        _heading("Does the learning survive?"),
        Text(found.learning.sentence),
        _heading("What did the buyer get?"),
        *_buyer(found, figures),
        Text(recognition(market.tables["confusion"]).sentence),
        *([] if figures["task"]["public"] else [Text(NOT_PUBLIC)]),
        _heading("What was promised, what was kept"),
        *_promises(found),
        _heading("What privacy was spent?"),
        *map(Text, privacy_sentences(figures["privacy"], figures["privacy"]["account"])),
        Text("\n[ ]: 95 % intervals, bootstrap of rounds; of accuracies, over the seeds."),
        *map(Text, files),
    )


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _by_seed(rounds: pd.DataFrame) -> dict[int, float]:
    return {int(seed): float(value) for seed, value in final_accuracy(rounds).items()}


def _lying(found: Findings) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(str(found.headline))]
    if len(found.lying):
        rows = found.lying.to_dict("records")
        lies = [(row["strategy"], _tried(row), f"{row['paid']:,}", *map(_format_interval, _both(row))) for row in rows]
        parts.append(_table(("strategy", "lies", "paid", "gain per lie, money [ ]", "of her cost [ ]"), lies))
        mean = found.number("gain per lie")
        average = _format_interval((mean["mean"], mean["low"], mean["high"]))
        parts.append(
            Text(f"Each lie alone, on average {average} % of her cost: of all her records at her own privacy budget.")
        )
        parts += [Text(said) for said in (found.tried, tails_too_heavy(rows)) if said]
    if len(found.groups):
        money = ("utility", "truthful_utility", "ratio")
        groups = [
            (row["strategy"], *_counts(row, "groups"), *(rounded(row[name]) for name in money))
            for row in found.groups.to_dict("records")
        ]
        headings = ("together", "groups", "gained", "earned, money", "from the truth", "gain over it")
        parts.append(_table(headings, groups))
        parts.append(Text("Groups: in every round anew; an owner under several names is one of her own."))
    return parts


def _tried(row: Mapping[str, Any]) -> str:
    """How many lies were tried, and of how many if some were not."""
    tried, told = row["misreports"], row["told"]
    return f"{tried:,}" if tried == told else f"{tried:,} tried of {told:,}"


def _counts(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    return f"{row[name]:,}", f"{row['paid']:,}"


def _both(row: Mapping[str, Any]) -> list[tuple[float, float, float]]:
    """Mean gain in money and per cost, with their intervals."""
    return [(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("gain", "relative")]


def _format_interval(interval: tuple[float, float, float]) -> str:
    return with_interval(*interval)


def _buyer(found: Findings, figures: Mapping[str, Any]) -> list[RenderableType]:
    def said(quantity: str) -> str:
        row = found.number(quantity)
        return _format_interval((row["mean"], row["low"], row["high"]))

    last = accuracy_words(found.number("test accuracy after the last round"))
    said_accuracy = [f"Test accuracy after the last round {last}"]
    if "accuracy_without_noise" in figures:
        without = list(figures["accuracy_without_noise"].values())
        said_accuracy.append(f"without noise {accuracy(sum(without) / len(without))}")
    if figures["chance"] is not None:
        said_accuracy.append(f"by chance {accuracy(figures['chance'])}")
    return [
        Text(f"{'; '.join(said_accuracy)}."),
        Text(
            f"Error bound of valid rounds {said('error bound of valid rounds')} (clipping norm "
            f"{figures['market']['clip_norm']:g}); invalid rounds, in which nobody sold: {said('invalid rounds')} %."
        ),
        Text(
            f"She spent {said('spent')} of {said('budget')} a round, {said('spent of the budget')} % of all budgets, "
            f"for {said('sellers')} uploads of {said('bidders')} bidders."
        ),
    ]


def _promises(found: Findings) -> list[RenderableType]:
    rows = [
        (
            row["promise"],
            row["claim"],
            row["here"],
            f"{row['cases']:,}",
            f"{row['broken']:,}",
            f"{rounded(row['worst'])} {row['unit']}" if row["broken"] else "",
        )
        for row in tried_or_claimed(found.promises).to_dict("records")
    ]
    return [
        Text(promises_sentence(found.promises)),
        _table(("promise", "by the auction", "here", "cases", "broken in", "by at most"), rows, words=3),
    ]


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, words: int = 1) -> Table:
    """A table whose first columns are words, the others numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < words else "right", no_wrap=place >= words)
    for row in rows:
        table.add_row(*row)
    return table
