"""Panel in words: what the chosen auction is, and what it promises."""

from __future__ import annotations

import inspect
import sys

import solara

from agents.broker.auctions.base import FIELDS, Auction
from market_sim.model import FLMarket
from scenarios.app.panel import listing, words

SPOKEN = {
    "valuation": "what her privacy costs her",
    "privacy_budget": "how much she tolerates",
    "data_size": "her data",
}


@solara.component
def PromisesPanel(model: FLMarket) -> None:
    """The auction in words."""
    auction = model.broker.auction
    words("h3", f"What does the auction promise? ({auction.name})")
    words("p", _described(auction))
    listing(promises(auction))
    words(
        "p",
        "Alone and in one round, that is: owners who collude, or who would sell the same privacy later, are outside "
        "the promise. `market-sim list` names all auctions, and check_auction tries to refute them.",
        "caption",
    )


def promises(auction: Auction) -> list[str]:
    """What an auction declares, in sentences."""
    declared = auction.guarantees
    said = []
    if auction.planted:
        said.append("Planted: it claims more than it keeps, to show that the market finds out.")
    if auction.refuted:
        said.append("Kept as published, although a claim of its authors is false.")
    if declared.truthful_in == FIELDS:
        said.append("No owner ever gains by lying, whatever she lies about and whatever the others do.")
    elif declared.truthful_in:
        said.append(f"No owner gains by lying about {_listed(declared.truthful_in)}.")
    if misreports := declared.strategic - declared.truthful_in:
        said.append(f"Nothing is promised to keep her from lying about {_listed(misreports)}.")
    if declared.verified:
        said.append(f"It takes as known, and not from her word: {_listed(declared.verified)}.")
    said.append("No truthful owner loses." if declared.individually_rational else "A truthful owner may lose.")
    said.append(
        "It never spends more than the buyer offered." if declared.budget_feasible else "It may exceed the budget."
    )
    return said


def _described(auction: Auction) -> str:
    return (
        (inspect.getdoc(sys.modules[type(auction).__module__]) or auction.name).partition("\n\n")[0].replace("\n", " ")
    )


def _listed(fields: frozenset[str]) -> str:
    return ", ".join(SPOKEN[name] for name in sorted(fields))
