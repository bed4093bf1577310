"""What lying in an auction can be worth at least: the best lies that a search finds, and what they gain."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.checks import seed_number, whole
from agents.misreports.search import per_cost, search
from agents.types import OwnerTypes
from analysis.incentives.expectation import expected_outcome
from analysis.incentives.structure import lists_hold
from analysis.intervals import ratio_ends, ratios, resamples
from analysis.tilting import heavy_tail

NOTABLE = 0.01
"""Gain over the own cost from which on an owner counts as gaining."""


def found_regret(
    auction: Auction, types: OwnerTypes, budget: Tensor, queries: int = 300, seed: int = 0
) -> dict[str, float]:
    """Search for every owner's best lie, everybody else telling the truth, and sum up what the lies gain.

    All figures are lower bounds: a better attacker finds more. Owners lie about every field that the auction has not
    verified; order, budget and the others' bids are the same for the truth and the lie, and a lottery counts by its
    expectation. Owners choose from one price list of a menu auction only if no list moved in a test of that promise
    (``analysis.incentives.structure.lists_hold``); otherwise every lie is another auction.

    Parameters
    ----------
    auction : Auction
    types : OwnerTypes [B, n]
    budget : float64[B]
    queries : int
        Lies tried per owner.
    seed : int
        Of the search and of the bootstrap.

    Returns
    -------
    dict
        ``regret``: mean, over the owners who sell when all tell the truth, of the gain over the cost of what each
        sells then (the published normalisation; no number if nobody sells). ``gain_per_payment``: sum of all gains
        over sum of all payments. ``gain_per_own_cost``: mean, over all owners, of the gain over the cost of all she
        has at her own privacy budget. Each of the three with ``_low`` and ``_high``, ends of a 95 % interval, profiles
        being drawn anew. ``gaining_rate``: share of the owners who gain over 1 % of their own cost, with its interval;
        ``regret_heavy_tail``: 1 if no interval of the regret can be trusted; ``worst_gain``: largest gain over own
        cost; ``regret_profiles`` and ``queries``: how much was searched.
    """
    whole("queries", queries, minimum=1)
    generator = torch.Generator().manual_seed(seed_number("seed", seed))
    fields = auction.guarantees.strategic
    rerun = not lists_hold(auction, types, budget, generator)
    found = search(auction, types, budget, queries, generator, fields=fields, rerun=rerun)
    gain = found.gain.clamp(min=0)
    truth = expected_outcome(auction, types, types.truthful_bids(), budget)
    present, sells = types.data_size > 0, truth.sells
    relative = torch.where(sells & (gain > 0), gain / truth.cost, 0.0)
    own = torch.where(present, per_cost(types, gain), 0.0)
    weights = resamples(types.shape[0], seed)
    return {
        "regret_profiles": types.shape[0],
        "queries": queries,
        **_gain("regret", relative.sum(-1), sells.sum(-1), weights),
        **_gain("gain_per_payment", gain.sum(-1), truth.payment.sum(-1), weights),
        **_gain("gain_per_own_cost", own.sum(-1), present.sum(-1), weights),
        **_share("gaining_rate", own > NOTABLE, present, weights),
        "regret_heavy_tail": float(heavy_tail(relative.sum(-1).double().numpy())),
        "worst_gain": float(own.max()) if own.numel() else 0.0,
    }


def _gain(name: str, top: Tensor, bottom: Tensor, weights: np.ndarray) -> dict[str, float]:
    """The ratio of gains over profiles and its interval; no gain is nothing, whatever it is over."""
    if not top.any() and (bottom.any() or name != "regret"):  # where nobody sells there is no regret, not even none
        return {name: 0.0, f"{name}_low": 0.0, f"{name}_high": 0.0}
    return _ratio(name, top, bottom, weights, (0.0, np.inf))


def _share(name: str, holds: Tensor, among: Tensor, weights: np.ndarray) -> dict[str, float]:
    """The share of the owners and its interval; of nobody none, and nothing is known."""
    if not among.any():
        return {name: 0.0, f"{name}_low": 0.0, f"{name}_high": 1.0}
    return _ratio(name, holds.sum(-1), among.sum(-1), weights, (0.0, 1.0))


def _ratio(
    name: str, top: Tensor, bottom: Tensor, weights: np.ndarray, bounds: tuple[float, float]
) -> dict[str, float]:
    over, under = top.double().numpy(), bottom.double().numpy()
    value = ratios(np.ones((1, len(over))), over, under)
    return {name: float(value[0]), **ratio_ends(f"{name}_", over, under, weights, bounds=bounds)}
