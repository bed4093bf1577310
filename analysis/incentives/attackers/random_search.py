"""Random search: all sorts of lies, drawn without looking at what was found before."""

from __future__ import annotations

import torch

from agents.misreports.generators import draw_misreports
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.query_ledger import Attack


class RandomSearch(Attacker):
    """Many random and structured starts in every combination of the fields, tables included."""

    name = "random search"
    share = 0.25
    turn = 30

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Draw and tell."""
        for misreports in draw_misreports(attack.truth, attack.left, generator, fields=attack.threat.fields):
            attack.query(attack.threat.admitted(attack.truth, misreports))
