"""Who may lie about what, and knowing what: the first thing an audit has to state."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from agents.broker.auctions.base import Auction
from agents.checks import one_of
from agents.messages import BID_FIELDS, Bids

ALONE, SPLIT, PAIR = "one owner", "one owner as two", "two owners together"
DEVIATORS: tuple[str, ...] = (ALONE, SPLIT, PAIR)
KNOWLEDGE = (
    "she knows the rule, the budget and everybody else's bids (ex post), which are true; order, budget, lottery and "
    "noise stay as they are"
)


@dataclass(frozen=True)
class ThreatModel:
    """What a misreporting owner may do.

    Privacy budget and data size can only be understated: more than she has she could not deliver.

    Parameters
    ----------
    fields : frozenset of str
        Fields of the bid that may be changed, out of valuation, privacy_budget, data_size.
    stay_away : bool
        Whether she may also offer nothing at all.
    deviators : str
        ``one owner``; ``one owner as two``, who splits her records between two identities, the second of which is
        asked last; ``two owners together``, she and the next one, who share what they gain.
    """

    fields: frozenset[str] = BID_FIELDS
    stay_away: bool = True
    deviators: str = ALONE

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", frozenset(self.fields))
        if not self.fields <= BID_FIELDS:
            raise ValueError(f"fields = {sorted(self.fields)}: pass fields out of {sorted(BID_FIELDS)}")
        one_of("deviators", self.deviators, DEVIATORS)
        if not self.fields and not self.stay_away:
            raise ValueError("fields is empty and stay_away False: with nothing to do there is nothing to audit")

    def describe(self) -> str:
        """The threat model in one sentence."""
        may = [field.replace("_", " ") + ("" if field == "valuation" else " down") for field in sorted(self.fields)]
        may += ["staying away"] * self.stay_away
        return f"{self.deviators} may change: {', '.join(may)}; {KNOWLEDGE}"

    def admitted(self, truth: Bids, misreports: Bids) -> Bids:
        """``misreports[B, n]`` with every field that may not be changed put back to the truth."""
        size = misreports.data_size if "data_size" in self.fields else truth.data_size
        if not self.stay_away:
            size = torch.where(truth.present, size.clamp(min=1), size)
        return Bids(
            valuation=misreports.valuation if "valuation" in self.fields else truth.valuation,
            privacy_budget=misreports.privacy_budget if "privacy_budget" in self.fields else truth.privacy_budget,
            data_size=size,
        )

    def require(self, truth: Bids, misreports: Bids) -> None:
        """Refuse lies ``[B, n]`` that this threat model does not admit.

        Raises
        ------
        ValueError
            Naming the first place.
        """
        away = (misreports.data_size == 0) & self.stay_away
        size_differs = (misreports.data_size != truth.data_size) & ~away
        for name, bad in (
            ("privacy_budget over the true one", misreports.privacy_budget > truth.privacy_budget),
            ("data_size over the true one", misreports.data_size > truth.data_size),
            ("data_size of 0 (staying away)", truth.present & (misreports.data_size == 0) & (not self.stay_away)),
            (
                "privacy_budget",
                (misreports.privacy_budget != truth.privacy_budget) & ("privacy_budget" not in self.fields),
            ),
            ("data_size", size_differs & ("data_size" not in self.fields)),
        ):
            if bool((bad & truth.present).any()):
                row, owner = (int(place) for place in (bad & truth.present).nonzero()[0])
                raise ValueError(f"profile {row}, owner {owner} reports a {name}, which the threat model rules out")
        if "valuation" not in self.fields and misreports.valuation is not truth.valuation:
            here, there = (bids.valuation.at(truth.privacy_budget) for bids in (truth, misreports))
            if bool((here != there)[truth.present].any()):
                raise ValueError("a valuation was changed, which the threat model rules out")


def threat_models(auction: Auction) -> dict[str, ThreatModel]:
    """Threat models by name that make sense for an auction; fields that it verifies are in none of them."""
    strategic, claimed = auction.guarantees.strategic, auction.guarantees.truthful_in - auction.guarantees.verified
    found = {"everything": ThreatModel(strategic)}
    if claimed and claimed != strategic:
        found["claimed"] = ThreatModel(claimed)
    for field in sorted(strategic):
        found[field.replace("_", "-")] = ThreatModel(frozenset({field}), stay_away=False)
    found["staying-away"] = ThreatModel(frozenset())
    found["splitting"] = ThreatModel(strategic, deviators=SPLIT)
    found["collusion"] = ThreatModel(strategic, deviators=PAIR)
    return found


def claims(auction: Auction, threat: ThreatModel) -> bool:
    """Whether the auction claims that nothing in this threat model pays."""
    promised = auction.guarantees.truthful_in >= threat.fields
    rational = auction.guarantees.individually_rational or not threat.stay_away
    return threat.deviators == ALONE and promised and rational
