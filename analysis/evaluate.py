"""How good is a mechanism when everybody tells the truth? Error bounds beside the first best, on the same profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.first_best import everybody_at_her_own_budget, first_best
from agents.broker.training.measure import true_error_bound
from agents.checks import seed_number, whole
from agents.messages import Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes

FIRST_BEST = "first best"
NO_BUDGET = "all at own privacy budget"
FACTORS: Mapping[str, tuple[float, float]] = {
    "0.1": (0.1, 0.1),
    "0.3": (0.3, 0.3),
    "0.5": (0.5, 0.5),
    "1": (1.0, 1.0),
    "2": (2.0, 2.0),
    "U[0.1, 2]": (0.1, 2.0),
}
"""Budget factors by label; the last is the paper's distribution."""


def evaluate(
    auctions: Mapping[str, Auction],
    prior: OwnerPrior | None = None,
    *,
    owners: int = 10,
    profiles: int = 2000,
    seed: int = 2022,
    factors: Mapping[str, tuple[float, float]] = FACTORS,
    with_first_best: bool = True,
    watch: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Run every auction on the same fresh profiles of truthful owners, per budget factor.

    Parameters
    ----------
    auctions : mapping
        Auctions by the name they are to have in the table.
    prior : OwnerPrior, optional
        By default the paper's.
    owners, profiles : int
        Bidders per profile and profiles per budget factor; every budget factor sees the same owners.
    seed : int
    factors : mapping
        Range of the budget factor by label.
    with_first_best : bool
        The first best is a search and takes most of the time.
    watch : callable, optional
        Called with a label before each piece of work (2 per factor with the first best, else 1).

    Returns
    -------
    DataFrame
        One row per budget factor and mechanism: ``budget_factor, auction, mean, low, high`` (mean finite error bound
        with its 95 % bootstrap interval over profiles), ``median, invalid_rate, over_first_best``,
        ``over_first_best_low, over_first_best_high, over_all_in, over_all_in_low, over_all_in_high`` (ratios of means
        on the same profiles), ``spent`` (mean share of the budget), ``ir_violations, budget_violations`` (counts).
    """
    whole("owners", owners, least=1)
    whole("profiles", profiles, least=2)
    seed_number("seed", seed)
    rows: list[dict[str, object]] = []
    for label, (low, high) in factors.items():
        here = replace(prior or OwnerPrior(), budget_factor=(low, high))
        types, budget = here.sample(profiles, owners, torch.Generator().manual_seed(seed))
        bounds: dict[str, Tensor] = {}
        facts: dict[str, dict[str, float]] = {}
        if watch is not None:
            watch(f"f = {label}: {len(auctions)} auctions")
        for name, auction in auctions.items():
            outcome = auction.run(types.truthful_bids(), budget, torch.Generator().manual_seed(seed))
            bounds[name] = true_error_bound(types, outcome)
            facts[name] = _facts(types, outcome, budget)
        if with_first_best:
            if watch is not None:
                watch(f"f = {label}: first best")
            bounds[FIRST_BEST] = first_best(types, budget).error_bound
            bounds[NO_BUDGET] = everybody_at_her_own_budget(types)
        rows += [{"budget_factor": label, **row} for row in _compared(bounds, facts, seed)]
    return pd.DataFrame(rows)


def _facts(types: OwnerTypes, outcome: Outcome, budget: Tensor) -> dict[str, float]:
    paid = outcome.payment.sum(-1)
    return {
        "spent": float((paid / torch.where(budget > 0, budget, 1.0)).mean()),
        "ir_violations": int((types.utility(outcome) < 0).sum()),
        "budget_violations": int((paid > budget).sum()),
    }


def _compared(
    bounds: Mapping[str, Tensor], facts: Mapping[str, dict[str, float]], seed: int
) -> Iterator[dict[str, object]]:
    arrays = {name: bound.numpy() for name, bound in bounds.items()}
    draws = _bootstrap_means(arrays, seed)
    for name, bound in arrays.items():
        finite = bound[np.isfinite(bound)]
        row: dict[str, object] = {
            "auction": name,
            "mean": _mean(bound),
            **_interval("", draws[name]),
            "median": float(np.median(finite)) if len(finite) else float("inf"),
            "invalid_rate": 1 - len(finite) / len(bound),
        }
        for label, other in (("over_first_best", FIRST_BEST), ("over_all_in", "all-in")):
            if other in arrays:
                row[label] = _mean(bound) / _mean(arrays[other])
                with np.errstate(invalid="ignore"):
                    row |= _interval(f"{label}_", draws[name] / draws[other])
        yield row | facts.get(name, {})


def _bootstrap_means(arrays: Mapping[str, np.ndarray], seed: int, draws: int = 1000) -> dict[str, np.ndarray]:
    """Mean finite bounds of resampled profiles, the same resamples for every mechanism."""
    count = len(next(iter(arrays.values())))
    # How often each profile is drawn is all that a mean needs; a matrix product then does every mechanism at once.
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws).astype(float)
    means = {}
    for name, bound in arrays.items():
        finite = np.isfinite(bound)
        mass = weights @ finite
        means[name] = np.divide(
            weights @ np.where(finite, bound, 0.0), mass, out=np.full(draws, np.inf), where=mass > 0
        )
    return means


def _mean(bound: np.ndarray) -> float:
    finite = bound[np.isfinite(bound)]
    return float(finite.mean()) if len(finite) else float("inf")


def _interval(prefix: str, draws: np.ndarray, level: float = 0.95) -> dict[str, float]:
    # Where every round of a mechanism is invalid there is no interval, and no ratio but infinity.
    if not np.isfinite(draws).all():
        return {f"{prefix}low": float("inf"), f"{prefix}high": float("inf")}
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return {f"{prefix}low": float(low), f"{prefix}high": float(high)}
