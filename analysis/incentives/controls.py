"""Positive controls: mechanisms known to be manipulable, on which an audit shows what it is able to find."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import auction_classes
from agents.misreports.search import Counterfactuals
from agents.types import OwnerTypes
from analysis.incentives.attackers.base import Attacker
from analysis.incentives.campaign import Campaign
from analysis.incentives.case import Case
from analysis.incentives.settings import AuditSettings
from analysis.incentives.statistics import relative
from analysis.incentives.threat_model import ThreatModel
from market_sim.campaign.workers import Workers

PROFILES, QUERIES = 40, 60
"""Small, so that every audit can afford them."""
KNOWN_BY = "pay-as-bid"
"""The control whose best lie is known: the highest price at which the owner is still bought."""
HALVINGS = 60


def positive_controls(attackers: tuple[Attacker, ...], prior: Any, owners: int, seed: int) -> pd.DataFrame:
    """Audit every planted and every refuted mechanism of this project in the fields that it claims.

    Parameters
    ----------
    attackers : tuple of Attacker
        The ones whose power is in question.
    prior : OwnerPrior
    owners : int
        Bidders of a profile.
    seed : int

    Returns
    -------
    DataFrame
        ``control, fields, caught, mean, over_0.01, first_caught, power``: whether any lie paid; mean gain over own
        cost and share of owners gaining over 1 %, both at least; queries of the attacker that was first to find
        anything; and, where the largest possible gain is known, which part of it was found on average.
    """
    types, budget = prior.sample(PROFILES, owners, torch.Generator().manual_seed(seed))
    rows = []
    for name, auction_class in auction_classes().items():
        if not (auction_class.planted or auction_class.refuted):
            continue
        auction = auction_class()
        fields = auction.guarantees.truthful_in
        gain, first = _attacked(auction, types, budget, fields, attackers, seed)
        share = relative(gain.numpy(), types.cost_at_own_budget().numpy())[(types.data_size > 0).numpy()]
        rows.append(
            {
                "control": name,
                "fields": ", ".join(sorted(fields)),
                "caught": bool((gain > 0).any()),
                "mean": float(share.mean()) if len(share) else 0.0,
                "over_0.01": float((share > 0.01).mean()) if len(share) else 0.0,
                "first_caught": first,
                "power": _power(auction, types, budget, attackers, seed) if name == KNOWN_BY else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def largest_gain(auction: Auction, types: OwnerTypes, budget: Tensor) -> Tensor:
    """The most that each owner can gain ``[B, n]`` in ``pay-as-bid`` by scaling her valuation alone.

    She is paid what she asks while she is bought, and is bought up to some price: found by halving.
    """
    game = Counterfactuals(auction, types, budget, rerun=True)
    truth = types.truthful_bids()
    low, high = torch.ones(types.shape).double(), torch.full(types.shape, 1e6).double()
    best = torch.zeros(types.shape).double()
    for _ in range(HALVINGS):
        middle = (low * high).sqrt()
        gain = game.gains(truth.replace(valuation=truth.valuation.scaled(middle)))
        best = torch.maximum(best, gain)
        low, high = torch.where(gain > 0, middle, low), torch.where(gain > 0, high, middle)
    return best


def _power(auction: Auction, types: OwnerTypes, budget: Tensor, attackers: tuple[Attacker, ...], seed: int) -> float:
    """Mean share of the largest gain that was found with lies about the valuation, over owners who can gain."""
    found, _ = _attacked(auction, types, budget, frozenset({"valuation"}), attackers, seed)
    possible = largest_gain(auction, types, budget)
    can = possible > 0
    return float((found[can] / possible[can]).clamp(max=1).mean()) if bool(can.any()) else float("nan")


def _attacked(
    auction: Auction,
    types: OwnerTypes,
    budget: Tensor,
    fields: frozenset[str],
    attackers: tuple[Attacker, ...],
    seed: int,
) -> tuple[Tensor, str]:
    """Gains found ``[B, n]`` and who found some first, after how many of its queries."""
    threat = ThreatModel(fields, stay_away=False)
    able = tuple(one for one in attackers if one.applies(auction, threat) and not one.finalist)
    settings = AuditSettings(PROFILES, types.shape[1], QUERIES, finalists=0, chunk=PROFILES, seed=seed)
    case, name = Case(auction, types, budget, threat), f"control {auction.name}"
    found = Campaign(case, name, able, settings, Workers(1)).run(lambda _: None)
    curve = found.curves
    paying = curve[curve["own"] > 0]
    first = "" if paying.empty else f"{paying.iloc[0]['attacker']}, query {paying.iloc[0]['queries']}"
    return found.gain.clamp(min=0), first
