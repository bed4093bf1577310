"""Climbing: steps around the best lie that anybody found so far."""

from __future__ import annotations

import torch

from agents.misreports.generators import nearby_misreports
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.query_ledger import Attack


class Climbing(Attacker):
    """Starts with wide steps and narrows down; walks on where a step does no worse."""

    name = "climbing"
    share = 0.2
    turn = 80

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Step from the best lie so far."""
        for width in torch.logspace(-0.5, -3, attack.left).tolist():
            misreports = nearby_misreports(
                attack.truth, attack.misreports, generator, fields=attack.threat.fields, width=width
            )
            attack.query(attack.threat.admitted(attack.truth, misreports))
