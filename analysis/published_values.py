"""Figures of the published auctions, for the tables and pictures that compare with them.

Error bounds by budget factor were measured by us on the authors' implementation and released checkpoints (10 bidders,
8 levels, IID sizes over 125 973 records, weights recomputed by exact OptAggr), on other profiles than any table of
ours: compare loosely, by ratios. What the papers print themselves is marked as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

PUBLISHED_ERROR_BOUND: Mapping[str, Mapping[str, float]] = {
    "DM-RegretNet, published": {
        "0.1": 7.74,
        "0.3": 7.10,
        "0.5": 6.01,
        "1": 4.57,
        "2": 3.97,
        "U[0.1, 2]": 5.005,
    },
    "M-RegretNet, published": {"U[0.1, 2]": 68.46},
    "RegretNet, published": {"U[0.1, 2]": 10.36},
    "FairQuery, published": {"U[0.1, 2]": 8.786},
}
"""Mean finite error bound by budget factor, measured on 1 000 (single factors: 300) profiles."""

PUBLISHED_INVALID: Mapping[str, float] = {"M-RegretNet, published": 0.11, "RegretNet, published": 0.637}
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
        (``analysis.evaluate.FACTORS``).
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
    *(
        PublishedPoint(f"{name}, as printed", sizes, factor, bound, regret, f"{PAPER}, figure 7 and Table I")
        for sizes, regrets, bounds in (
            (
                "lognormal",
                {"RegretNet": 0.9351, "M-RegretNet": 0.7715, "DM-RegretNet": 0.0556},
                {"RegretNet": (10.7, 10.5), "M-RegretNet": (200.0, 17.5), "DM-RegretNet": (7.0, 3.9)},
            ),
            (
                "dirichlet",
                {"RegretNet": 0.8164, "M-RegretNet": 0.6652, "DM-RegretNet": 0.0428},
                {"RegretNet": (6.9, 3.7), "M-RegretNet": (54.0, 2.8), "DM-RegretNet": (6.8, 2.9)},
            ),
        )
        for name, regret in regrets.items()
        for factor, bound in zip(("0.1", "2"), bounds[name], strict=True)
    ),
)
"""All with OptAggr weights. Figure 7 is read off a logarithmic axis, about 15 % either way; Table I is one regret for
all budgets, found by the authors' own search."""


def published_points(sizes: str, owners: int) -> pd.DataFrame:
    """Rows of ``PUBLISHED_POINTS`` for one kind of data sizes; none unless ten owners bid, as in the papers."""
    columns = [*PublishedPoint.__dataclass_fields__]
    chosen: list[dict[str, Any]] = [vars(point) for point in PUBLISHED_POINTS if point.sizes == sizes and owners == 10]
    return pd.DataFrame(chosen, columns=columns)
