"""The lattice: every combination of family, factor, privacy budget and data size, the plainest lies first."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from agents.messages import Bids
from agents.valuation import FAMILIES, ParametricValuation, Valuation
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel

FACTORS: tuple[float, ...] = (1.0, 0.5, 2.0, 0.8, 1.25, 0.95, 1.05, 0.0, 5.0, 0.2, 50.0)
FRACTIONS: tuple[float, ...] = (1.0, 0.5, 0.75, 0.9, 0.25, 0.1, 0.99, 0.01)
"""Parts of the privacy budget and of the data size that are admitted to."""

Point = tuple[int, float, float, float]


class Lattice(Attacker):
    """Family x factor x privacy budget x data size; what changes one thing comes first, then two, and so on.

    A swapped family keeps the cost at the owner's true privacy budget, times the factor.
    """

    name = "lattice"
    share = 0.2
    turn = 20

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Walk the lattice in an order that is random among lies of the same plainness."""
        points = lattice(attack.threat, parametric=isinstance(attack.truth.valuation, ParametricValuation))
        shuffled = [points[place] for place in torch.randperm(len(points), generator=generator).tolist()]
        for point in sorted(shuffled, key=changes)[: attack.left]:
            attack.query(misreport_at(attack.truth, point))


def lattice(threat: ThreatModel, *, parametric: bool) -> list[Point]:
    """All lies ``(family shift, factor, privacy budget share, data size share)`` that ``threat`` admits."""
    valuation, cap, size = (field in threat.fields for field in ("valuation", "privacy_budget", "data_size"))
    axes = (
        range(len(FAMILIES)) if valuation and parametric else (0,),
        FACTORS if valuation else (1.0,),
        FRACTIONS if cap else (1.0,),
        FRACTIONS if size else (1.0,),
    )
    return [point for point in itertools.product(*axes) if changes(point)]


def changes(point: Point) -> int:
    """In how many ways a point differs from the truth."""
    return (point[0] != 0) + sum(share != 1 for share in point[1:])


def misreport_at(truth: Bids, point: Point) -> Bids:
    """The lie ``[B, n]`` at one point of the lattice, told by everybody; at least one record stays for sale."""
    shift, factor, cap, size = point
    one_record = torch.minimum(truth.data_size, torch.ones_like(truth.data_size))
    return Bids(
        valuation=_valuation(truth, shift, factor),
        privacy_budget=truth.privacy_budget * cap,
        data_size=torch.maximum(one_record, (truth.data_size * size).long()) if size != 1 else truth.data_size,
    )


def _valuation(truth: Bids, shift: int, factor: float) -> Valuation:
    by = torch.full(truth.shape, factor, dtype=torch.float64)
    if shift == 0 or not isinstance(truth.valuation, ParametricValuation):
        return truth.valuation if factor == 1 else truth.valuation.scaled(by)
    other = ParametricValuation(family=(truth.valuation.family + shift) % len(FAMILIES), factor=torch.ones_like(by))
    return other.scaled((by * _ratio(truth, other)).clamp(max=1e100))


def _ratio(truth: Bids, other: Valuation) -> Tensor:
    """By how much the true curves exceed ``other`` ones at the true privacy budget; 1 where that says nothing."""
    mine, theirs = truth.valuation.at(truth.privacy_budget), other.at(truth.privacy_budget)
    ratio = mine / theirs
    return torch.where((theirs > 0) & ratio.isfinite(), ratio, 1.0)
