"""Error bounds measured on the published auctions, for the tables that compare with them.

Measured on the authors' implementation and released checkpoints (10 bidders, 8 levels, IID sizes over 125 973 records,
weights recomputed by exact OptAggr), on other profiles than any table of ours: compare loosely, by ratios.
"""

from __future__ import annotations

from collections.abc import Mapping

PUBLISHED_ERROR_BOUND: Mapping[str, Mapping[str, float]] = {
    "DM-RegretNet, published": {
        "0.1": 7.74,
        "0.3": 7.10,
        "0.5": 6.01,
        "1": 4.57,
        "2": 3.97,
        "U[0.1, 2]": 5.005,
    },
    "M-RegretNet, published (11 % invalid)": {"U[0.1, 2]": 68.46},
    "RegretNet, published (64 % invalid)": {"U[0.1, 2]": 10.36},
    "FairQuery, published": {"U[0.1, 2]": 8.786},
}
"""Mean finite error bound by budget factor."""
