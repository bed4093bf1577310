"""What lying pays in an auction that promises no truthfulness: gains found on fresh profiles, as shares."""

from __future__ import annotations

import torch

from agents.broker.auctions.base import Auction
from agents.misreports.search import expected_utility, search
from agents.prior import OwnerPrior
from agents.surplus import surplus


def regret_figures(
    auction: Auction, prior: OwnerPrior, *, profiles: int = 200, queries: int = 300, seed: int = 2023
) -> dict[str, float]:
    """Found regret and individual rationality, on fresh profiles of ten owners (or the most the auction takes).

    Every owner of every profile tries ``queries`` lies, alone, in all fields; her gain is that of the best, 0 if none
    paid. ``found_regret`` is the mean over those who sell truthfully of the gain over the cost of that sale, the
    published normalisation; ``gain_over_payments`` the sum of all gains over the sum of all payments. Gains, costs and
    payments of a lottery are expectations; only ``ir_violation_rate`` is of a draw.
    """
    owners = min(10, auction.max_owners or 10)
    generator = torch.Generator().manual_seed(seed)
    types, budget = prior.sample(profiles, owners, generator)
    truth = types.truthful_bids()
    outcome = auction.run(truth, budget, generator)
    lottery = getattr(auction, "lottery", None)
    cost = types.cost(outcome) if lottery is None else lottery(truth, budget).cost(truth)
    utility = surplus(outcome.payment, outcome.data_size, types.valuation.at(outcome.privacy_loss))
    gain = search(auction, types, budget, queries, generator).gain.clamp(min=0)
    sells = cost > 0
    expected_payment = expected_utility(auction, types, truth, budget).sum() + cost.sum()
    return {
        "regret_profiles": profiles,
        "queries_per_owner": queries,
        "found_regret": float((gain[sells] / cost[sells]).mean()),
        "gain_over_payments": float(gain.sum() / expected_payment),
        "ir_violation_rate": float((utility < 0).double().mean()),
    }
