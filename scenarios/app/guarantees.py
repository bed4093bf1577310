"""Panels: what the chosen auction is and claims, and what became of every claim in the rounds played so far."""

from __future__ import annotations

import html
import inspect
import sys

import pandas as pd
import solara

from agents.broker.auctions.base import FIELDS, Auction
from analysis.formatting import counted, rounded
from analysis.promises import BROKEN, NOT_TRIED, promises_sentence, tried_or_claimed
from scenarios.app.choices import spoken
from scenarios.app.elements import markup, text, text_list
from scenarios.app.visit import Visit

FIELD_PHRASES = {
    "valuation": "what her privacy costs her",
    "privacy_budget": "how much she tolerates",
    "data_size": "her data",
}


@solara.component
def GuaranteesPanel(visit: Visit) -> None:
    """The auction in words, and what became of its claims."""
    main = visit.pair.value.main
    auction = main.model.broker.auction
    table = visit.view(main).promises
    with solara.Div(classes=["panels"]):
        with solara.v.Html(tag="section", class_="panel"):
            text("h3", f"What does the auction claim? ({spoken(auction.name)})")
            text("p", f"As it describes itself: {_description(auction)}")
            text_list(claim_sentences(auction))
        with solara.v.Html(tag="section", class_="panel"):
            text("h3", "What was promised, what was kept")
            text("p", promises_sentence(table))
            markup("table", kept_table(table), "kept")
            text(
                "p",
                "A claim is about one owner in one round, alone: owners who collude, or who would sell the same "
                "privacy later, are outside of it. Kept means: in the rounds played so far. `market-sim list` names "
                "all auctions, and `market-sim check` tries to refute them.",
                "caption",
            )


def claim_sentences(auction: Auction) -> list[str]:
    """What an auction claims, in sentences; whether that is so is another matter."""
    declared = auction.guarantees
    sentences = []
    if auction.planted:
        sentences.append("Planted: it claims more than it keeps, to show that the market finds out.")
    if auction.refuted:
        sentences.append("Kept as published, although a claim of its authors is false.")
    if declared.truthful_in == FIELDS:
        sentences.append("Claimed: no owner gains by lying, whatever she lies about and whatever the others do.")
    elif declared.truthful_in:
        sentences.append(f"Claimed: no owner gains by lying about {_format_fields(declared.truthful_in)}.")
    if misreports := declared.strategic - declared.truthful_in:
        sentences.append(f"Nothing is claimed to keep her from lying about {_format_fields(misreports)}.")
    if declared.verified:
        sentences.append(f"It takes as known, and not from her word: {_format_fields(declared.verified)}.")
    if declared.assumption:
        sentences.append(declared.assumption)
    rational, feasible = declared.individually_rational, declared.budget_feasible
    sentences.append("Claimed: no truthful owner loses." if rational else "Not claimed: that no truthful owner loses.")
    sentences.append(
        "Claimed: it never spends more than the buyer offered."
        if feasible
        else "Not claimed: that it stays within the budget."
    )
    return sentences


def kept_table(table: pd.DataFrame) -> str:
    """What was promised and what became of it, as HTML; ``table`` of ``analysis.promises.promises``."""
    rows = []
    for row in tried_or_claimed(table).to_dict("records"):
        cases = "" if row["here"] == NOT_TRIED else f" in {counted(row['cases'], 'case')}"
        if row["here"] == BROKEN:
            worst = f"{rounded(row['worst'])} {row['unit']}"
            cases = f" in {row['broken']:,} of {counted(row['cases'], 'case')}, by {worst} at most"
        cells = [f"{row['promise'].capitalize()}", row["claim"], f"{row['here']}{cases}"]
        mark = ' class="broken"' if row["here"] == BROKEN else ""
        named, claim, here = map(html.escape, cells)
        rows.append(f'<tr><th scope="row">{named}</th><td>{claim}</td><td{mark}>{here}</td></tr>')
    head = "".join(f'<th scope="col">{each}</th>' for each in ("promise", "what was promised", "what was kept here"))
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"


def _description(auction: Auction) -> str:
    return (
        (inspect.getdoc(sys.modules[type(auction).__module__]) or auction.name).partition("\n\n")[0].replace("\n", " ")
    )


def _format_fields(fields: frozenset[str]) -> str:
    return ", ".join(FIELD_PHRASES[name] for name in sorted(fields))
