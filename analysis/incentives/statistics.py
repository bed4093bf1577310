"""What was gained, in every unit in which it can be told, with intervals clustered by profile.

All of it is a lower bound: another attacker may find more. Nothing infinite is dropped in silence, it is counted
beside the mean it is missing from; and a mean of ratios never stands without the ratio of the sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.intervals import ratio_ends, ratios, resamples
from analysis.tilting import heavy_tail

Array = NDArray[np.float64]
NOTABLE: tuple[float, ...] = (0.01, 0.05)
"""Gains over the own cost from which on an owner counts as gaining."""
BUDGET_FACTORS: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 1.5, np.inf)
"""Ends of the classes of budgets over the cost of everything."""


CLASS_COLUMNS = ("by", "low_end", "high_end", "owners", "mean", "low", "high", "not_finite", "over_0.01")


def statistics(owners: pd.DataFrame, profiles: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Sum up what an audit found.

    Parameters
    ----------
    owners : DataFrame
        One row per owner present, with ``profile, gain, paid, own_cost, allocation_cost, payment, utility, sells,
        data_size, budget_factor``.
    profiles : DataFrame
        One row per profile, with ``spent, budget, sellers, overspent``.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        ``money``, ``per_own_cost`` (the default: over the cost of all she has at her own privacy budget),
        ``published_normalisation`` (over the cost of what she sells when truthful, among those who sell),
        ``per_payment`` (among those paid), each with mean, interval, median, p95, p99, max, what is not in the mean,
        and ``heavy_tail`` (whether no interval of the mean can be trusted); ``sum_over_payments`` and
        ``sum_over_own_cost``; ``gaining`` (shares of owners gaining: ``any``, more than rounding;
        ``not_exactly_0``, rounding included; over 1 % and 5 % of the own cost);
        ``individual_rationality``, ``budget`` and ``invalid_rate``.
    """
    cluster = _Clusters(owners["profile"].to_numpy(), len(profiles), seed)
    gain = owners["gain"].clip(lower=0).to_numpy()
    everybody = np.ones(len(owners), dtype=bool)
    own = relative(gain, owners["own_cost"].to_numpy())
    sells = owners["sells"].to_numpy(dtype=bool)
    loss = (-owners["utility"]).clip(lower=0).to_numpy()
    return {
        "owners": len(owners),
        "profiles": len(profiles),
        "money": cluster.summary(gain, everybody),
        "per_own_cost": cluster.summary(own, everybody),
        "published_normalisation": cluster.summary(relative(gain, owners["allocation_cost"].to_numpy()), sells),
        "per_payment": cluster.summary(relative(gain, owners["payment"].to_numpy()), owners["payment"].to_numpy() > 0),
        "sum_over_payments": cluster.ratio(gain, owners["payment"].to_numpy()),
        "sum_over_own_cost": cluster.ratio(gain, owners["own_cost"].to_numpy()),
        "gaining": {
            "any": cluster.rate(owners["paid"].to_numpy(dtype=bool)),
            "not_exactly_0": cluster.rate(gain > 0),
            **{f"over_{share:g}": cluster.rate(own > share) for share in NOTABLE},
        },
        "individual_rationality": {
            "violation_rate": cluster.rate(loss > 0),
            "money_lost": float(loss.sum()),
            "largest_loss": float(loss.max(initial=0.0)),
        },
        "budget": {
            "truthful_profiles_overspent": int((profiles["spent"] > profiles["budget"]).sum()),
            "lying_markets_overspent": int((owners["overspent"] > 0).sum()),
            "largest_overspend": float(
                max(
                    (profiles["spent"] - profiles["budget"]).max(),
                    owners["overspent"].max() if len(owners) else 0.0,
                    0.0,
                )
            ),
        },
        "invalid_rate": float((profiles["sellers"] == 0).mean()),
    }


def relative(gain: Array, base: Array) -> Array:
    """``gain / base``, no gain being 0 of anything and any gain infinitely much of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(gain == 0, 0.0, gain / base)


def by_class(owners: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The default figure by decile of the data size and by class of the budget factor.

    Returns
    -------
    DataFrame
        ``CLASS_COLUMNS``: mean gain over own cost with its interval, how many of the gains are not in it because they
        are not finite, and the share of owners gaining over 1 %. No rows without owners.
    """
    rows: list[dict[str, Any]] = []
    own = relative(owners["gain"].clip(lower=0).to_numpy(), owners["own_cost"].to_numpy())
    profile = owners["profile"].to_numpy()
    size = owners["data_size"].to_numpy(dtype=float)
    deciles = np.unique(np.quantile(size, np.linspace(0, 1, 11))) if len(size) else np.zeros(0)
    deciles = np.append(deciles[:-1], np.inf) if len(deciles) > 1 else np.array([0.0, np.inf])
    factors = np.array(BUDGET_FACTORS)
    for by, value, edges in (("data_size", size, deciles), ("budget_factor", owners["budget_factor"], factors)):
        place = np.digitize(value, edges) - 1
        for index in range(len(edges) - 1):
            here = place == index
            if not here.any():
                continue
            # Only profiles with somebody in the class are drawn anew: without her there is no mean.
            there, cluster = np.unique(profile[here], return_inverse=True)
            found = _Clusters(cluster, len(there), seed).summary(own[here], np.ones(len(cluster), dtype=bool))
            rows.append(
                {
                    "by": by,
                    "low_end": float(edges[index]),
                    "high_end": float(min(edges[index + 1], np.max(value))),
                    "owners": int(here.sum()),
                    **{key: found[key] for key in ("mean", "low", "high", "not_finite")},
                    "over_0.01": float((own[here] > NOTABLE[0]).mean()),
                }
            )
    return pd.DataFrame(rows, columns=list(CLASS_COLUMNS))


class _Clusters:
    """Means and ratios over owners with intervals for which whole profiles are drawn anew."""

    def __init__(self, profile: NDArray[Any], count: int, seed: int) -> None:
        self.profile, self.count = profile.astype(int), max(1, count)
        self.weights = resamples(self.count, seed)

    def ratio(self, top: Array, bottom: Array) -> dict[str, float]:
        """Sum over sum; 0 where nothing was gained, even of nothing, infinite where a single gain is."""
        if not np.any(top):
            return {"mean": 0.0, "low": 0.0, "high": 0.0}
        if not (np.isfinite(top).all() and np.isfinite(bottom).all()):
            return {"mean": float("inf"), "low": float("inf"), "high": float("inf")}
        return self._interval(top, bottom, (0.0, np.inf))

    def rate(self, holds: NDArray[np.bool_]) -> dict[str, float]:
        """Share of the owners for whom it holds; of none in K profiles, up to about 3 / K cannot be excluded."""
        if not len(holds):
            return {"mean": 0.0, "low": 0.0, "high": 1.0}
        return self._interval(holds.astype(float), np.ones(len(holds)), (0.0, 1.0))

    def summary(self, value: Array, among: NDArray[np.bool_]) -> dict[str, float]:
        """Mean with interval over the finite ``value`` of those ``among``, quantiles over all of them."""
        finite = among & np.isfinite(value)
        mean = (
            self.ratio(np.where(finite, value, 0.0), finite.astype(float))
            if finite.any()
            else dict.fromkeys(("mean", "low", "high"), float("nan"))
        )
        chosen = value[among]
        # A value that was found, not one between two: between a number and infinity there is none.
        quantiles = np.quantile(chosen, [0.5, 0.95, 0.99], method="lower") if len(chosen) else np.full(3, np.nan)
        return {
            **mean,
            **dict(zip(("median", "p95", "p99"), map(float, quantiles), strict=True)),
            "max": float(chosen.max()) if len(chosen) else float("nan"),
            "count": int(among.sum()),
            "not_finite": int(among.sum() - finite.sum()),
            "heavy_tail": heavy_tail(self._sums(np.where(finite, value, 0.0))),
        }

    def _interval(self, top: Array, bottom: Array, bounds: tuple[float, float]) -> dict[str, float]:
        over, under = self._sums(top), self._sums(bottom)  # [profiles]
        value = ratios(np.ones((1, self.count)), over, under)
        return {"mean": float(value[0]), **ratio_ends("", over, under, self.weights, bounds=bounds)}

    def _sums(self, value: Array) -> Array:
        sums: Array = np.bincount(self.profile, weights=value, minlength=self.count).astype(float)
        return sums
