"""CMA-ES around the best lies found so far, for the owners from whom most was found."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.messages import Bids
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.query_ledger import Attack
from analysis.incentives.threat_model import ThreatModel

POPULATION = 6
"""Lies per generation: few, because queries are."""
SPREAD = 0.3
"""First step, in logarithms of the cost and of the shares admitted to."""


class CmaEs(Attacker):
    """Covariance matrix adaptation in the scale of the reported curve and the parts of ε̄ and d admitted to.

    One evolution per owner, all of them asked together. Source: Hansen, "The CMA evolution strategy: a tutorial",
    arXiv 1604.00772.
    """

    name = "cma-es"
    share = 0.15
    turn = 90
    finalist = True

    def attack(self, attack: Attack, generator: torch.Generator) -> None:
        """Evolve, generation by generation."""
        start, threat = attack.misreports, attack.threat
        places = attack.chosen.nonzero()
        worth = attack.types.cost_at_own_budget()
        scale = torch.where((worth > 0) & worth.isfinite(), worth, 1.0)
        evolutions = [_evolution(generator) for _ in places]
        while attack.left:
            count = min(POPULATION, attack.left)
            asked = [evolution.ask() for evolution in evolutions]
            losses = np.zeros((len(places), POPULATION))
            for member in range(count):
                move = torch.zeros(*attack.types.shape, 3, dtype=torch.float64)
                if len(places):
                    moved = np.stack([points[member] for points in asked])
                    move[places[:, 0], places[:, 1]] = torch.from_numpy(moved)
                found = attack.query(threat.admitted(attack.truth, moved_by(attack.truth, start, move, threat)))
                losses[:, member] = -(found / scale)[places[:, 0], places[:, 1]].clamp(-1e6, 1e6).numpy()
            if count == POPULATION:
                for evolution, points, loss in zip(evolutions, asked, losses, strict=True):
                    evolution.tell(points, loss)


def moved_by(truth: Bids, misreports: Bids, move: Tensor, threat: ThreatModel) -> Bids:
    """``misreports[B, n]`` moved by logarithms ``move[B, n, 3]`` of cost, privacy budget and data size.

    What would exceed the truth is reflected at it, so that the search does not lose its way outside.
    """
    factor = move.clamp(-20, 20)
    cap = (misreports.privacy_budget / truth.privacy_budget.clamp(min=1e-300)).log() + factor[..., 1]
    size = (misreports.data_size / truth.data_size.clamp(min=1)).clamp(min=1e-12).log() + factor[..., 2]
    one_record = torch.minimum(truth.data_size, torch.ones_like(truth.data_size))
    records = (truth.data_size * (-size.abs()).exp()).round().long()
    return Bids(
        valuation=misreports.valuation.scaled(factor[..., 0].exp())
        if "valuation" in threat.fields
        else misreports.valuation,
        privacy_budget=torch.minimum(truth.privacy_budget * (-cap.abs()).exp(), truth.privacy_budget),
        data_size=torch.minimum(torch.maximum(records, one_record), truth.data_size),
    )


def _evolution(generator: torch.Generator) -> Any:
    with warnings.catch_warnings():
        # On import the package advises on optional plots and warns of its own deprecations.
        warnings.simplefilter("ignore")
        import cma
    stream = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    options = {
        "popsize": POPULATION,
        "verbose": -9,
        "seed": np.nan,
        "randn": lambda *shape: stream.standard_normal(shape),
    }
    return cma.CMAEvolutionStrategy(np.zeros(3), SPREAD, options)
