"""Markets worth a look: each shows one thing, and says what to look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.broker.auctions.registry import auction_classes
from scenarios.app.choices import Choices

PLANTED, REFUTED = "planted cheat", "refuted claim"


@dataclass(frozen=True)
class Preset:
    """A market to look at.

    Parameters
    ----------
    title, look_for : str
        Its name, and what to look for, in one sentence.
    choices : Choices
    rounds : int
        Rounds that its lesson needs; they come played.
    beside : str
        What it is compared with (``address.Place``).
    """

    title: str
    look_for: str
    choices: Choices
    rounds: int
    beside: str = ""

    @property
    def mark(self) -> str:
        """Whether its auction claims more than it keeps."""
        return mark_of(self.choices.auction)


def mark_of(auction: str) -> str:
    """``PLANTED``, ``REFUTED`` or nothing."""
    rule = auction_classes()[auction]
    return PLANTED if rule.planted else REFUTED if rule.refuted else ""


OPENING = "learned-menu"

PRESETS: Mapping[str, Preset] = {
    OPENING: Preset(
        "The learned menu",
        "No lie of an owner can improve her price list, so that none pays: no mark lies right of zero.",
        Choices(),
        60,
    ),
    "paper": Preset(
        "The paper's rule",
        "All-in pays by everybody's bids: some who understate gain, and the buyer gets a worse sum for her money.",
        Choices(auction="all-in", deviators={"understated-privacy-budget": 20, "understated-data-size": 20}),
        60,
    ),
    "cheat": Preset(
        "A planted cheat",
        "Whoever asks least is bought first and paid what she asks: to overstate one's cost pays.",
        Choices(auction="pay-as-bid", deviators={"scaled-valuation": 30}),
        60,
    ),
    "ring": Preset(
        "A ring of colluders",
        "Alone no lie pays; together the members of a ring earn more than by the truth: marks above the line.",
        Choices(network="small-world", deviators={"collusion-ring": 40}),
        40,
    ),
    "learners": Preset(
        "Learners",
        "Owners try lies and keep those that pay: under a rule that can be cheated, gains grow with the rounds.",
        Choices(auction="pay-as-bid", deviators={"hedge": 40}),
        100,
    ),
    "imitation": Preset(
        "Imitation on a network",
        "Owners copy richer neighbours; watch whose strategy spreads over the network.",
        Choices(auction="pay-as-bid", network="small-world", deviators={"imitate-richest": 40, "scaled-valuation": 10}),
        100,
    ),
    "competition": Preset(
        "Buyers who compete",
        "Two buyers with wallets of their own: each model learns from the owners that its buyer could get.",
        Choices(buyers=2, bidders=20, wallet=500),
        60,
    ),
    "runs-out": Preset(
        "Privacy that runs out",
        "Each owner sells a privacy loss of 10 in her life: the sellers run out, and the learning stops.",
        Choices(lifetime_allowance=10, deviators={"scaled-valuation": 15, "random-misreport": 15}),
        100,
    ),
}
"""By a short name."""


def preset_of(choices: Choices, beside: str = "") -> str:
    """The preset that is exactly this; empty if none is."""
    return next((n for n, each in PRESETS.items() if (each.choices, each.beside) == (choices, beside)), "")
