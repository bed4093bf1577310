"""Values of the published auctions, for the tables and pictures that compare with them.

What the paper prints: Table I exactly, the figures read off the plots, good to about 3 %, on logarithmic axes to about
15 %. What its authors do not print, error bounds by budget factor, was measured on their implementation and released
checkpoints (10 bidders, 8 levels, IID sizes over 125 973 records, weights recomputed by exact OptAggr), on other
profiles than any table here: compare loosely, by ratios.

Source: Zheng, Cao, Yoshikawa, Li, Yan, "FL-Market: Trading Private Models in Federated Learning", arXiv 2106.04384v4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

SETTINGS: tuple[str, ...] = ("IID", "non-IID")

ERROR_BOUND: Mapping[tuple[str, str], tuple[Sequence[float], Sequence[float]]] = {
    ("regretnet", "conventional"): ((11.0, 10.9), (7.1, 4.8)),
    ("regretnet", "optimal"): ((10.7, 10.5), (6.9, 3.7)),
    ("m-regretnet", "conventional"): ((220.0, 64.0), (60.0, 7.3)),
    ("m-regretnet", "optimal"): ((200.0, 17.5), (54.0, 2.8)),
    ("dm-regretnet", "conventional"): ((80.0, 17.6), (86.0, 7.8)),
    ("dm-regretnet", "optimal"): ((7.0, 3.9), (6.8, 2.9)),
}
"""Fig. 7: mean finite error bound at budget factors 0.1 and 2, IID and non-IID."""

INVALID_RATE: Mapping[str, tuple[Sequence[float], Sequence[float]]] = {
    "regretnet": ((0.65, 0.62), (0.62, 0.02)),
    "m-regretnet": ((0.585, 0.006), (0.61, 0.0)),
    "dm-regretnet": ((0.0, 0.0), (0.0, 0.0)),
}
"""Fig. 8: share of invalid gradients at budget factors 0.1 and 2, IID and non-IID."""

ACCURACY: Mapping[tuple[str, str], tuple[float, float]] = {
    ("dm-regretnet", "optimal"): (0.787, 0.814),
    ("regretnet", "optimal"): (0.552, 0.774),
    ("regretnet", "conventional"): (0.550, 0.741),
    ("m-regretnet", "optimal"): (0.523, 0.671),
    ("m-regretnet", "conventional"): (0.514, 0.603),
    ("dm-regretnet", "conventional"): (0.553, 0.558),
}
"""Fig. 9: test accuracy on NSL-KDD after 100 rounds, IID and non-IID."""

LEVELS: tuple[int, ...] = (1, 2, 4, 8, 16)
GUARANTEES: Mapping[str, Mapping[str, Sequence[float]]] = {
    "IID": {"regret": (0.908, 0.8, 0.798, 0.757, 0.711), "ir": (0.183, 0.177, 0.167, 0.158, 0.149)},
    "non-IID": {"regret": (0.83, 0.746, 0.73, 0.645, 0.582), "ir": (0.368, 0.375, 0.34, 0.205, 0.127)},
}
"""Fig. 10: regret and violation of individual rationality over cost of M-RegretNet, by its number of levels M."""

TABLE_1: Mapping[tuple[str, str], tuple[tuple[float, float], tuple[float, float]]] = {
    ("regretnet", ""): ((0.9351, 0.1684), (0.8164, 0.3864)),
    ("m-regretnet", ""): ((0.7715, 0.1508), (0.6652, 0.202)),
    ("dm-regretnet", "conventional"): ((0.0617, 0.0251), (0.0516, 0.021)),
    ("dm-regretnet", "optimal"): ((0.0556, 0.0265), (0.0428, 0.0259)),
}
"""Table I: (regret, violation of individual rationality) over cost, IID and non-IID, by the weights trained with."""

MEASURED_ERROR_BOUND: Mapping[str, Mapping[str, float]] = {
    "DM-RegretNet, published": {"0.1": 7.74, "0.3": 7.10, "0.5": 6.01, "1": 4.57, "2": 3.97, "U[0.1, 2]": 5.005},
    "M-RegretNet, published": {"U[0.1, 2]": 68.46},
    "RegretNet, published": {"U[0.1, 2]": 10.36},
    "FairQuery, published": {"U[0.1, 2]": 8.786},
}
"""Mean finite error bound by budget factor, measured on 1 000 (single factors: 300) profiles."""

MEASURED_INVALID_RATE: Mapping[str, float] = {"M-RegretNet, published": 0.11, "RegretNet, published": 0.637}
"""Rate of invalid rounds over all budgets, 0 for the others."""

PAPER = "Zheng et al., FL-Market, arXiv 2106.04384v4"
RELEASED = "authors' released checkpoint, measured by us"
ALL_BUDGETS = "U[0.1, 2]"


@dataclass(frozen=True)
class PublishedPoint:
    """An auction of a paper as a point in the plane of error bound and regret.

    Parameters
    ----------
    auction, sizes, budget_factor : str
        What was measured, on which data sizes (``agents.prior.SIZES``) and at which budget factor
        (``analysis.evaluation.FACTORS``).
    error_bound : float
        Mean finite error bound.
    regret : float
        Gain over the cost of the truthful allocation; with ``low`` and ``high``, ends of a 95 % interval, if known.
    source : str
    """

    auction: str
    sizes: str
    budget_factor: str
    error_bound: float
    regret: float
    source: str
    low: float = float("nan")
    high: float = float("nan")


_NAMES = {"regretnet": "RegretNet", "m-regretnet": "M-RegretNet", "dm-regretnet": "DM-RegretNet"}
_SIZES = {"IID": "lognormal", "non-IID": "dirichlet"}


def _printed_points() -> list[PublishedPoint]:
    """Fig. 7 with OptAggr weights against Table I, which is one regret for all budgets by the authors' own search."""
    points = []
    for place, setting in enumerate(SETTINGS):
        for auction, name in _NAMES.items():
            weights = "" if (auction, "") in TABLE_1 else "optimal"
            regret = TABLE_1[auction, weights][place][0]
            for factor, bound in zip(("0.1", "2"), ERROR_BOUND[auction, "optimal"][place], strict=True):
                label, source = f"{name}, as printed", f"{PAPER}, figure 7 and Table I"
                points.append(PublishedPoint(label, _SIZES[setting], factor, bound, regret, source))
    return points


PUBLISHED_POINTS: tuple[PublishedPoint, ...] = (
    PublishedPoint(
        "DM-RegretNet, 300 random lies",
        "lognormal",
        ALL_BUDGETS,
        5.005,
        0.52,
        f"{RELEASED}: gain found by 300 random lies per owner",
        low=0.35,
        high=0.77,
    ),
    PublishedPoint("DM-RegretNet, as printed", "lognormal", ALL_BUDGETS, 5.005, 0.0556, f"regret: {PAPER}, Table I"),
    PublishedPoint("M-RegretNet, as printed", "lognormal", ALL_BUDGETS, 68.46, 0.7715, f"regret: {PAPER}, Table I"),
    PublishedPoint("RegretNet, as printed", "lognormal", ALL_BUDGETS, 10.36, 0.9351, f"regret: {PAPER}, Table I"),
    *_printed_points(),
)
"""All with OptAggr weights."""


def error_bounds() -> pd.DataFrame:
    """Fig. 7 as ``setting, auction, aggregation, budget_factor, error_bound``."""
    rows = [
        (setting, auction, aggregation, factor, bound)
        for (auction, aggregation), found in ERROR_BOUND.items()
        for setting, pair in zip(SETTINGS, found, strict=True)
        for factor, bound in zip((0.1, 2.0), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["setting", "auction", "aggregation", "budget_factor", "error_bound"])


def invalid_rates() -> pd.DataFrame:
    """Fig. 8 as ``setting, auction, budget_factor, invalid_rate``."""
    rows = [
        (setting, auction, factor, rate)
        for auction, found in INVALID_RATE.items()
        for setting, pair in zip(SETTINGS, found, strict=True)
        for factor, rate in zip((0.1, 2.0), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["setting", "auction", "budget_factor", "invalid_rate"])


def accuracies() -> pd.DataFrame:
    """Fig. 9 as ``setting, auction, aggregation, round, accuracy``."""
    rows = [
        (setting, auction, aggregation, 100, accuracy)
        for (auction, aggregation), found in ACCURACY.items()
        for setting, accuracy in zip(SETTINGS, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=["setting", "auction", "aggregation", "round", "accuracy"])


def guarantees_by_levels() -> pd.DataFrame:
    """Fig. 10 as ``setting, levels, regret, ir``."""
    return pd.concat(
        [
            pd.DataFrame({"setting": setting, "levels": LEVELS, **{name: list(row) for name, row in found.items()}})
            for setting, found in GUARANTEES.items()
        ],
        ignore_index=True,
    )


def table_1() -> pd.DataFrame:
    """Table I as ``setting, auction, aggregation, regret, ir``."""
    rows = [
        (setting, auction, aggregation, *pair)
        for (auction, aggregation), found in TABLE_1.items()
        for setting, pair in zip(SETTINGS, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=["setting", "auction", "aggregation", "regret", "ir"])


def published_points(sizes: str, owners: int) -> pd.DataFrame:
    """Rows of ``PUBLISHED_POINTS`` for one kind of data sizes; none unless ten owners bid, as in the papers."""
    columns = [*PublishedPoint.__dataclass_fields__]
    chosen: list[dict[str, Any]] = [vars(point) for point in PUBLISHED_POINTS if point.sizes == sizes and owners == 10]
    return pd.DataFrame(chosen, columns=columns)
