"""Panel: what the chosen auction is and what it guarantees, in words."""

from __future__ import annotations

import inspect
import sys

import solara

from agents.broker.auctions.base import FIELDS, Auction
from market_sim.model import FLMarket
from scenarios.app.panel import text, text_list

FIELD_PHRASES = {
    "valuation": "what her privacy costs her",
    "privacy_budget": "how much she tolerates",
    "data_size": "her data",
}


@solara.component
def GuaranteesPanel(model: FLMarket) -> None:
    """The auction in words."""
    auction = model.broker.auction
    text("h3", f"What does the auction promise? ({auction.name})")
    text("p", _description(auction))
    text_list(guarantee_sentences(auction))
    text(
        "p",
        "Alone and in one round, that is: owners who collude, or who would sell the same privacy later, are outside "
        "the promise. `market-sim list` names all auctions, and check_auction tries to refute them.",
        "caption",
    )


def guarantee_sentences(auction: Auction) -> list[str]:
    """What an auction declares, in sentences."""
    declared = auction.guarantees
    sentences = []
    if auction.planted:
        sentences.append("Planted: it claims more than it keeps, to show that the market finds out.")
    if auction.refuted:
        sentences.append("Kept as published, although a claim of its authors is false.")
    if declared.truthful_in == FIELDS:
        sentences.append("No owner ever gains by lying, whatever she lies about and whatever the others do.")
    elif declared.truthful_in:
        sentences.append(f"No owner gains by lying about {_format_fields(declared.truthful_in)}.")
    if misreports := declared.strategic - declared.truthful_in:
        sentences.append(f"Nothing is promised to keep her from lying about {_format_fields(misreports)}.")
    if declared.verified:
        sentences.append(f"It takes as known, and not from her word: {_format_fields(declared.verified)}.")
    sentences.append("No truthful owner loses." if declared.individually_rational else "A truthful owner may lose.")
    sentences.append(
        "It never spends more than the buyer offered." if declared.budget_feasible else "It may exceed the budget."
    )
    return sentences


def _description(auction: Auction) -> str:
    return (
        (inspect.getdoc(sys.modules[type(auction).__module__]) or auction.name).partition("\n\n")[0].replace("\n", " ")
    )


def _format_fields(fields: frozenset[str]) -> str:
    return ", ".join(FIELD_PHRASES[name] for name in sorted(fields))
