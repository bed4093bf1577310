"""Random search: lies of every kind, drawn without looking at what was found before."""

from __future__ import annotations

import torch

from agents.broker.auctions.base import Auction
from agents.misreports.generators import draw_misreports
from analysis.incentives.attack import Attack
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.threat_model import ThreatModel


class RandomSearch(Attacker):
    """Many random and structured starts in every combination of the fields, tables included."""

    name = "random search"
    share = 0.25
    turn = 30

    def not_applicable(self, auction: Auction, threat: ThreatModel) -> str | None:
        """Only if nothing but staying away is allowed."""
        return None if threat.fields else "no field may be changed"

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Draw and tell."""
        for misreports in draw_misreports(attack.truth, attack.left, generator, fields=attack.threat.fields):
            attack.query(attack.threat.admitted(attack.truth, misreports))
