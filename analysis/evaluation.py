"""How good is a mechanism? Error bounds beside the first best, on the same profiles, and the regret that was found."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.broker.first_best import everybody_at_her_own_budget, first_best
from agents.broker.training.truthful_figures import true_error_bound
from agents.checks import seed_number, whole
from agents.messages import Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from analysis.evaluation_result import Evaluation
from analysis.intervals import ratio_ends, ratios, resamples
from analysis.regret import found_regret
from analysis.second_best import second_best
from analysis.tilting import heavy_tail
from market_sim.campaign.engine import run_campaign
from market_sim.campaign.finished import Finished
from market_sim.campaign.job import Job, JobResult
from market_sim.campaign.store import kept_in
from market_sim.campaign.workers import Workers

FIRST_BEST = "first best"
NO_BUDGET = "all at own privacy budget"
SECOND_BEST = "second best, families known"
BENCHMARKS = (FIRST_BEST, SECOND_BEST, NO_BUDGET)
FACTORS: Mapping[str, tuple[float, float]] = {
    "0.1": (0.1, 0.1),
    "0.3": (0.3, 0.3),
    "0.5": (0.5, 0.5),
    "1": (1.0, 1.0),
    "2": (2.0, 2.0),
    "U[0.1, 2]": (0.1, 2.0),
}
"""Budget factors by label; the last is the paper's distribution."""
REGRET_PROFILES = 100
"""Profiles of ten owners on which lies are searched for, unless said otherwise."""


@dataclass(frozen=True)
class EvaluationSettings:
    """What an evaluation measures, and on how many profiles.

    Parameters
    ----------
    owners, profiles : int
        Bidders per profile and profiles per budget factor; every budget factor sees the same owners.
    seed : int
    factors : mapping
        Range of the budget factor by label.
    first_best, second_best : bool
        Which benchmarks are searched for; the searches take most of the time.
    regret_profiles, queries : int
        On how many of the profiles, and with how many lies per owner, regret is looked for; 0 profiles for not at all.

    Raises
    ------
    TypeError, ValueError
        Naming the setting, its value and the remedy.
    """

    owners: int = 10
    profiles: int = 2000
    seed: int = 2022
    factors: Mapping[str, tuple[float, float]] = field(default_factory=lambda: FACTORS)
    first_best: bool = True
    second_best: bool = False
    regret_profiles: int = 0
    queries: int = 300

    def __post_init__(self) -> None:
        whole("owners", self.owners, minimum=1)
        whole("profiles", self.profiles, minimum=2)
        whole("regret_profiles", self.regret_profiles, maximum=self.profiles)
        seed_number("seed", self.seed)


def evaluate(
    auctions: Mapping[str, Auction] | Sequence[str | Auction],
    prior: OwnerPrior | None = None,
    settings: EvaluationSettings | None = None,
    *,
    workers: Workers | None = None,
) -> Evaluation:
    """Run every auction on the same fresh profiles of truthful owners, per budget factor.

    An auction that was made for fewer owners is left out, with a warning. A lottery is drawn once per profile; only its
    regret is an expectation.

    Parameters
    ----------
    auctions : sequence of str or Auction, or mapping of Auction
        Names, checkpoints, ``module:Class`` or auctions of your own; in a mapping, by the name they are to have in the
        table.
    prior : OwnerPrior, optional
        By default the paper's.
    settings : EvaluationSettings, optional
    workers : Workers, optional
        Who computes; by default this process alone.

    Returns
    -------
    Evaluation
        Its ``table`` has one row per budget factor and mechanism: ``budget_factor, auction, profiles``,
        ``mean, low, high`` (mean finite error bound with its 95 % bootstrap interval over profiles), ``heavy_tail``
        (whether no interval of the mean bound can be trusted), ``median, invalid_rate``, ``over_first_best,
        over_all_in`` (ratios of means on the same profiles, those valid in both, with ``_low`` and ``_high``; no
        number where there is none), ``spent`` (mean share of the budget), ``ir_violations, ir_violation_rate``
        (truthful owners who lose, of all), ``ir_loss`` (what they lose, over all payments), ``budget_violations,
        budget_violation_rate`` (overspent profiles), and the columns of ``analysis.regret.found_regret``.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, its value and the remedy.
    """
    settings = EvaluationSettings() if settings is None else settings
    prior = OwnerPrior() if prior is None else prior
    named = _named(auctions, prior)
    jobs = evaluation_jobs("", named, prior, settings)
    with kept_in(None) as directory:
        found = run_campaign(jobs, directory, identity={}, workers=workers or Workers(1))
        return Evaluation(evaluation_table("", found, named, settings), asdict(settings))


def _named(auctions: Mapping[str, Auction] | Sequence[str | Auction], prior: OwnerPrior) -> dict[str, Auction]:
    """Auctions by name, those that were named loaded."""
    if isinstance(auctions, str | Auction):
        auctions = [auctions]
    if not isinstance(auctions, Mapping | Sequence):
        raise TypeError(f"auctions = {auctions!r}: pass names or auctions, e.g. ['sequential-menu', MyAuction()]")
    named = dict(auctions) if isinstance(auctions, Mapping) else {}
    for each in () if isinstance(auctions, Mapping) else auctions:
        auction = load_auction(each, prior) if isinstance(each, str) else each
        named[str(each) if isinstance(each, str) else str(getattr(auction, "name", each))] = auction
    for name, auction in named.items():
        if not isinstance(auction, Auction):
            raise TypeError(f"auctions[{name!r}] = {auction!r}: pass an Auction instance, e.g. MyAuction(), or a name")
    return named


def evaluation_jobs(
    name: str, auctions: Mapping[str, Auction], prior: OwnerPrior, settings: EvaluationSettings
) -> list[Job]:
    """Return the jobs of an evaluation: one per budget factor and mechanism; ``name`` begins their keys."""
    searches = {FIRST_BEST: settings.first_best, SECOND_BEST: settings.second_best}
    mechanisms = {**auctions, **{search: None for search, wanted in searches.items() if wanted}}
    return [
        Job(
            f"{name}f={label}: {mechanism}",
            _measure,
            (mechanism, auction, replace(prior, budget_factor=ends), settings),
        )
        for label, ends in settings.factors.items()
        for mechanism, auction in mechanisms.items()
    ]


def evaluation_table(
    name: str, found: Finished, auctions: Mapping[str, Auction], settings: EvaluationSettings
) -> pd.DataFrame:
    """Return the table of ``evaluate`` from what its jobs found."""
    rows: list[dict[str, object]] = []
    refused: set[str] = set()
    for label in settings.factors:
        bounds: dict[str, np.ndarray] = {}
        facts: dict[str, Mapping[str, float]] = {}
        for mechanism in (*auctions, FIRST_BEST, SECOND_BEST):
            key = f"{name}f={label}: {mechanism}"
            if key not in found.entries:
                continue
            if "bounds" not in found.entries[key].places:
                refused.add(mechanism)
                continue
            for column, values in found.frame(key, "bounds").items():
                bounds[str(column)] = values.to_numpy()
            if mechanism in auctions:
                facts[mechanism] = found.figures(key)
        rows += [{"budget_factor": label, **row} for row in _compared(bounds, facts, settings.seed)]
    for mechanism in sorted(refused):
        limit = auctions[mechanism].max_owners
        warnings.warn(f"{mechanism} was made for at most {limit} owners, not {settings.owners}", stacklevel=2)
    return pd.DataFrame(rows)


def _measure(name: str, auction: Auction | None, prior: OwnerPrior, settings: EvaluationSettings) -> JobResult:
    """Error bounds ``[B]`` of one mechanism at one budget factor, as the job of a campaign; none if it takes fewer."""
    types, budget = prior.sample(settings.profiles, settings.owners, torch.Generator().manual_seed(settings.seed))
    if name == FIRST_BEST:
        found = {FIRST_BEST: first_best(types, budget).error_bound, NO_BUDGET: everybody_at_her_own_budget(types)}
        return JobResult({"bounds": _columns(found)})
    if name == SECOND_BEST:
        return JobResult({"bounds": _columns({SECOND_BEST: second_best(types, budget, prior).error_bound})})
    assert auction is not None
    if not auction.supports(types.truthful_bids()):
        return JobResult()
    bound, facts = _measured(auction, types, budget, settings)
    return JobResult({"bounds": _columns({name: bound})}, facts)


def _columns(bounds: Mapping[str, Tensor]) -> pd.DataFrame:
    return pd.DataFrame({name: bound.numpy() for name, bound in bounds.items()})


def _measured(
    auction: Auction, types: OwnerTypes, budget: Tensor, settings: EvaluationSettings
) -> tuple[Tensor, dict[str, float]]:
    """Error bound ``[B]`` of an auction and what else is known of it, everybody telling the truth."""
    outcome = auction.run(types.truthful_bids(), budget, torch.Generator().manual_seed(settings.seed))
    facts = _facts(types, outcome, budget)
    if settings.regret_profiles:
        searched = slice(0, settings.regret_profiles)
        facts |= found_regret(auction, types.take(rows=searched), budget[searched], settings.queries, settings.seed)
    return true_error_bound(types, outcome), facts


def regret_profiles_for(owners: int, at_ten: int = REGRET_PROFILES) -> int:
    """Profiles that take about as long to search as ``at_ten`` of ten owners: every owner's lie is another auction."""
    return max(min(at_ten, 4), min(at_ten, at_ten * 100 // owners**2))


def _facts(types: OwnerTypes, outcome: Outcome, budget: Tensor) -> dict[str, float]:
    paid = outcome.payment.sum(-1)
    utility = types.utility(outcome)
    losers, overspent = int((utility < 0).sum()), int((paid > budget).sum())
    return {
        "spent": float((paid / torch.where(budget > 0, budget, 1.0)).mean()),
        "ir_violations": losers,
        "ir_violation_rate": losers / max(1, int((types.data_size > 0).sum())),
        "ir_loss": float(-utility.clamp(max=0).sum() / paid.sum()) if losers else 0.0,
        "budget_violations": overspent,
        "budget_violation_rate": overspent / len(budget),
    }


def _compared(
    arrays: Mapping[str, np.ndarray], facts: Mapping[str, Mapping[str, float]], seed: int
) -> Iterator[dict[str, object]]:
    if not arrays:
        return
    # The same resamples for every mechanism: ratios of means are then of the same profiles.
    weights = resamples(len(next(iter(arrays.values()))), seed)
    for name, bound in arrays.items():
        finite = bound[np.isfinite(bound)]
        row: dict[str, object] = {
            "auction": name,
            "profiles": len(bound),
            **_mean(bound, weights),
            "heavy_tail": heavy_tail(np.where(np.isfinite(bound), bound, 0.0)),
            "median": float(np.median(finite)) if len(finite) else float("inf"),
            "invalid_rate": 1 - len(finite) / len(bound),
        }
        for label, other in (("over_first_best", FIRST_BEST), ("over_all_in", "all-in")):
            if other in arrays:
                both = np.isfinite(bound) & np.isfinite(arrays[other])
                over, under = (np.where(both, part, 0.0) for part in (bound, arrays[other]))
                row[label] = float(ratios(np.ones((1, len(both))), over, under)[0])
                row |= ratio_ends(f"{label}_", over, under, weights, bounds=(0.0, np.inf))
        yield {**row, **facts.get(name, {})}


def _mean(bound: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Mean finite bound and its interval; infinite where none is finite."""
    finite = np.isfinite(bound)
    if not finite.any():
        return dict.fromkeys(("mean", "low", "high"), float("inf"))
    ends = ratio_ends("", np.where(finite, bound, 0.0), finite, weights, bounds=(0.0, np.inf))
    return {"mean": float(bound[finite].mean()), **ends}
