"""What the paper's figures measure, for any auctions: error bound, invalid rate, regret, individual rationality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from agents.broker.aggregation import AGGREGATIONS, error_bound
from agents.broker.auctions.base import Auction
from agents.checks import seed_number, whole
from agents.messages import Outcome
from agents.perturbation.checked import declared_variance
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from analysis.intervals import ratio_ends, ratios, resamples
from analysis.regret import found_regret

PRIORS: Mapping[str, OwnerPrior] = {
    "IID": OwnerPrior(),
    # Five classes: those of NSL-KDD, which the paper deals out.
    "non-IID": OwnerPrior(sizes="dirichlet", classes=5),
}
"""The paper's two settings (section VI-A)."""
FACTORS: tuple[float, ...] = (0.1, 0.3, 0.5, 1.0, 1.5, 2.0)
WEIGHTS: tuple[str, ...] = ("optimal", "conventional")
"""The paper's two ways to weigh uploads, OptAggr and ConvlAggr."""


def bounds_by_budget(
    auctions: Mapping[str, Auction],
    *,
    priors: Mapping[str, OwnerPrior] = PRIORS,
    factors: Sequence[float] = FACTORS,
    owners: int = 10,
    profiles: int = 1000,
    seed: int = 0,
    watch: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Error bound and invalid rate by budget factor when everybody tells the truth (Fig. 7 and 8).

    Parameters
    ----------
    auctions : mapping
        Auctions by the name they are to have in the table.
    priors : mapping
        Distributions of owners by setting.
    factors : sequence of float
        Budget factors f; all see the same owners.
    owners, profiles : int
        Bidders per profile, and profiles per setting and factor.
    seed : int
    watch : callable, optional
        Called with a label before each setting and factor.

    Returns
    -------
    DataFrame
        One row per setting, factor, auction and aggregation: ``setting, budget_factor, auction, aggregation,
        error_bound, low, high`` (mean over the valid profiles with its 95 % bootstrap interval; missing if none is
        valid), ``invalid_rate, invalid_low, invalid_high`` (with its 95 % Clopper-Pearson interval), ``profiles``.
    """
    whole("owners", owners, minimum=1)
    whole("profiles", profiles, minimum=2)
    seed_number("seed", seed)
    draws = resamples(profiles, seed)
    rows = []
    for setting, prior in priors.items():
        for factor in factors:
            if watch is not None:
                watch(f"{setting}, f = {factor:g}")
            here = replace(prior, budget_factor=(factor, factor))
            types, budget = here.sample(profiles, owners, torch.Generator().manual_seed(seed))
            for name, auction in auctions.items():
                outcome = auction.run(types.truthful_bids(), budget, torch.Generator().manual_seed(seed))
                for aggregation in WEIGHTS:
                    key = {"setting": setting, "budget_factor": factor, "auction": name, "aggregation": aggregation}
                    rows.append(key | _summary(bounds(types, outcome, aggregation).numpy(), draws))
    return pd.DataFrame(rows)


def bounds(types: OwnerTypes, outcome: Outcome, aggregation: str) -> Tensor:
    """Error bound ``[B]`` of the paper's Laplace noise under one way to weigh; infinite where nobody sells.

    Shares are those of the records bought in the true data of all bidders.
    """
    share = outcome.data_size.double() / types.data_size.sum(-1, keepdim=True).clamp(min=1)
    noise = declared_variance("laplace", outcome.privacy_loss, 1)
    return error_bound(AGGREGATIONS[aggregation](noise, share), noise, share)


def _summary(found: np.ndarray, draws: np.ndarray) -> dict[str, float]:
    valid = np.isfinite(found)
    invalid, count = int((~valid).sum()), len(found)
    exact = stats.binomtest(invalid, count).proportion_ci()
    known = np.where(valid, found, 0.0)
    mean = float(found[valid].mean()) if valid.any() else float("nan")
    return {
        "error_bound": mean,
        **ratio_ends("", known, valid, draws, bounds=(0.0, np.inf)),
        "invalid_rate": invalid / count,
        "invalid_low": float(exact.low),
        "invalid_high": float(exact.high),
        "profiles": count,
    }


def guarantees(
    auction: Auction,
    prior: OwnerPrior,
    *,
    owners: int = 10,
    profiles: int = 100,
    queries: int = 100,
    seed: int = 0,
) -> dict[str, float]:
    """Regret that a search finds, and violation of individual rationality, both over cost (Table I, Fig. 10).

    Both are means over the owners who sell when all tell the truth, of the money over the cost of what each sells
    then. Regret is "at least": a better search finds more.

    Parameters
    ----------
    auction : Auction
    prior : OwnerPrior
    owners, profiles : int
        Bidders per profile, and profiles.
    queries : int
        Lies tried per owner.
    seed : int

    Returns
    -------
    dict
        ``regret, regret_low, regret_high, ir, ir_low, ir_high`` (95 % intervals, profiles being drawn anew),
        ``profiles, queries``.
    """
    types, budget = prior.sample(profiles, owners, torch.Generator().manual_seed(seed_number("seed", seed)))
    found = found_regret(auction, types, budget, queries, seed)
    truth = auction.run(types.truthful_bids(), budget, torch.Generator().manual_seed(seed))
    loss = (-types.utility(truth)).clamp(min=0)
    over_cost = torch.where(truth.sells & (loss > 0), loss / types.cost(truth), 0.0).sum(-1).numpy()
    sellers = truth.sells.sum(-1).double().numpy()
    violation = float(ratios(np.ones((1, profiles)), over_cost, sellers)[0])
    return {
        **{name: found[name] for name in ("regret", "regret_low", "regret_high")},
        "ir": violation,
        **ratio_ends("ir_", over_cost, sellers, resamples(profiles, seed), bounds=(0.0, np.inf)),
        "profiles": profiles,
        "queries": queries,
    }
