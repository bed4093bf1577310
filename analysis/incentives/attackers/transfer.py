"""Lies that worked elsewhere: what pays in a mechanism known to be manipulable is tried in this one."""

from __future__ import annotations

from dataclasses import replace

import torch

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import auction_classes
from agents.misreports.generators import draw_misreports
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.attackers.lattice import lattice, misreport_at
from analysis.incentives.query_ledger import Attack, in_form

LEARNED_FROM = 24
"""Lies tried on each of the other mechanisms; the owner's query budget counts those told in this one only."""


class Transfer(Attacker):
    """The best lies of the same owners in the planted and the refuted mechanisms of this project, one query for each.

    What is left of its queries goes to the runners-up: lies that paid there at all, most often told first.
    """

    name = "transferred lies"
    share = 0.05
    turn = 10

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Learn from every such mechanism and tell."""
        runners_up = []
        for auction in teachers():
            if not attack.left:
                break
            if auction.name == attack.auction.name:
                continue
            elsewhere = Attack(replace(attack.case, auction=auction, rerun=True), chosen=attack.chosen)
            elsewhere.begin(auction.name, LEARNED_FROM)
            points = lattice(attack.threat, parametric=True)
            for place in torch.randint(len(points), (LEARNED_FROM // 2,), generator=generator).tolist():
                misreports = misreport_at(attack.truth, points[place])
                runners_up.append((float((elsewhere.query(misreports) > 0).double().mean()), misreports))
            for misreports in draw_misreports(attack.truth, elsewhere.left, generator, fields=attack.threat.fields):
                elsewhere.query(attack.threat.admitted(attack.truth, misreports))
            attack.query(elsewhere.misreports)
        for _, misreports in sorted(runners_up, key=lambda entry: -entry[0])[: attack.left]:
            attack.query(in_form(attack.truth, misreports))


def teachers() -> list[Auction]:
    """The mechanisms whose manipulability is known."""
    return [found() for found in auction_classes().values() if found.planted or found.refuted]
