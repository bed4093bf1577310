"""Climbing: steps around the best lie that anybody found so far."""

from __future__ import annotations

import torch

from agents.broker.auctions.base import Auction
from agents.misreports.generators import nearby
from analysis.incentives.attack import Attack
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.threat_model import ThreatModel


class Climbing(Attacker):
    """Starts with wide steps and narrows down; walks on where a step does no worse."""

    name = "climbing"
    share = 0.2
    turn = 80

    def not_applicable(self, auction: Auction, threat: ThreatModel) -> str | None:
        """Only if nothing but staying away is allowed."""
        return None if threat.fields else "no field may be changed"

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Step from the best lie so far."""
        for width in torch.logspace(-0.5, -3, attack.left).tolist():
            misreports = nearby(attack.truth, attack.misreports, generator, fields=attack.threat.fields, width=width)
            attack.query(attack.threat.admitted(attack.truth, misreports))
