"""What a mechanism achieves when everybody tells the truth, measured on fresh profiles of the prior."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.broker.aggregation import optimal_error_bound
from agents.broker.auctions.base import Auction
from agents.messages import Outcome
from agents.perturbation.checked import declared_variance
from agents.prior import OwnerPrior
from agents.types import OwnerTypes


def true_error_bound(types: OwnerTypes, outcome: Outcome, coordinates: int = 1) -> Tensor:
    """Error bound ``[B]`` of the paper's Laplace noise at the optimal weights, shares taken of the true data sizes.

    ``coordinates`` are those whose noise counts: 1 as in the paper, all of a gradient for the full bound.
    """
    share = outcome.data_size.double() / types.data_size.sum(-1, keepdim=True).clamp(min=1)
    return optimal_error_bound(coordinates * declared_variance("laplace", outcome.privacy_loss, 1), share)


def counted_coordinates(auction: Auction) -> int:
    """How many coordinates' noise the bound counts that an auction was trained for: 1 unless it says otherwise."""
    return int(getattr(auction, "coordinates", 1))


def truthful_figures(
    auction: Auction, prior: OwnerPrior, *, profiles: int = 2000, seed: int = 2022
) -> dict[str, float]:
    """Mean finite error bound, invalid rate and share of the budget spent, on fresh profiles of ten owners.

    Of fewer where the auction takes no ten; a lottery is drawn. The bound is the one that the auction was trained for.
    """
    generator = torch.Generator().manual_seed(seed)
    types, budget = prior.sample(profiles, min(10, auction.max_owners or 10), generator)
    outcome = auction.run(types.truthful_bids(), budget, generator)
    bound = true_error_bound(types, outcome, counted_coordinates(auction))
    valid = bound.isfinite()
    return {
        "profiles": profiles,
        "mean_error_bound": float(bound[valid].mean()),
        "invalid_rate": float((~valid).double().mean()),
        "spent_share_of_budget": float((outcome.payment.sum(-1) / budget).mean()),
    }
