"""Argument validation of an audit: what it is asked is checked once, and refused with a remedy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.checks import one_of
from agents.types import OwnerTypes
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.attackers.registry import attacker_classes
from analysis.incentives.expectation import ExpectedOutcome, expected_outcome
from analysis.incentives.threat_model import ThreatModel, threat_models


def threats_of(auction: Auction, given: Sequence[str] | Mapping[str, ThreatModel] | None) -> dict[str, ThreatModel]:
    """The threat models asked for, by name, without what the auction verifies; the default for None."""
    known = threat_models(auction)
    if given is None:
        return {name: known[name] for name in ("claimed", "everything") if name in known}
    if auction.guarantees.truthful_in - auction.guarantees.verified:
        # Whoever claims everything has no threat model of her claims apart, but may be asked for it.
        known.setdefault("claimed", known["everything"])
    if isinstance(given, Mapping):
        for name, threat in given.items():
            if not isinstance(threat, ThreatModel):
                raise TypeError(f"threats[{name!r}] = {threat!r}: pass a ThreatModel")
            if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"threats: name {name!r}: use letters, digits, - and _")
        chosen = dict(given)
    elif isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(
            f"threats = {given!r}: pass a list of names out of {', '.join(known)}, or a dict of ThreatModel"
        )
    else:
        chosen = {name: known[one_of("threats", name, known)] for name in given}
    if not chosen:
        raise ValueError(f"threats is empty: name at least one out of {', '.join(known)}")
    verified = auction.guarantees.verified
    return {name: replace(threat, fields=threat.fields - verified) for name, threat in chosen.items()}


def attackers_of(given: Any) -> tuple[Attacker, ...]:
    """The attackers asked for, in the order of their turns; all discovered ones for None."""
    known = attacker_classes()
    if given is None:
        return tuple(attacker() for attacker in known.values())
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(
            f"attackers = {given!r}: pass a list of names out of {', '.join(known)}, or of Attacker objects"
        )
    chosen = []
    for one in given:
        if not isinstance(one, Attacker):
            one = known[one_of("attackers", one, known)]()
        chosen.append(one)
    if not chosen:
        raise ValueError(f"attackers is empty: name at least one out of {', '.join(known)}")
    if len({one.name for one in chosen}) < len(chosen):
        raise ValueError(f"attackers {[one.name for one in chosen]}: every name may stand there once")
    return tuple(sorted(chosen, key=lambda one: (one.turn, one.name)))


def truthful(auction: Auction, types: OwnerTypes, budget: Tensor) -> ExpectedOutcome:
    """What everybody's truth brings, if the auction can say."""
    try:
        return expected_outcome(auction, types, types.truthful_bids(), budget)
    except Exception as error:
        raise ValueError(
            f"auction {auction.name!r} fails on truthful bids ({type(error).__name__}: {error}); "
            "see what check_auction says about it"
        ) from error


def fingerprint(types: OwnerTypes, budget: Tensor, truth: ExpectedOutcome) -> str:
    """The same for the same owners, budgets and outcomes only."""
    digest = hashlib.sha256()
    for part in (types.privacy_budget, types.data_size, budget, truth.utility, truth.payment, truth.cost):
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()
