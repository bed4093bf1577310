"""Staying away: offering nothing, which pays wherever the truth can lose money."""

from __future__ import annotations

import torch

from agents.broker.auctions.base import Auction
from analysis.incentives.attack import Attack
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.threat_model import ThreatModel


class StayingAway(Attacker):
    """One query: no records at all."""

    name = "staying away"
    share = 0.0
    turn = 0

    def not_applicable(self, auction: Auction, threat: ThreatModel) -> str | None:
        """Only if nobody may stay away."""
        return None if threat.stay_away else "the threat model does not let her stay away"

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Offer nothing."""
        attack.query(attack.truth.replace(data_size=torch.zeros_like(attack.truth.data_size)))
