"""Staying away: offering nothing, which pays wherever the truth can lose money."""

from __future__ import annotations

import torch

from agents.broker.auctions.base import Auction
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel


class StayingAway(Attacker):
    """One query: no records at all."""

    name = "staying away"
    share = 0.0
    turn = 0
    requires = "a threat model that lets her stay away"

    def applies(self, auction: Auction, threat: ThreatModel) -> bool:
        """Whether she may stay away."""
        return threat.stay_away

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Offer nothing."""
        attack.query(attack.truth.replace(data_size=torch.zeros_like(attack.truth.data_size)))
