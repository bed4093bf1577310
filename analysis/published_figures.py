"""Values that the paper prints: Table I exactly, the figures read off the plots.

Source: Zheng, Cao, Yoshikawa, Li, Yan, "FL-Market: Trading Private Models in Federated Learning", arXiv 2106.04384v4.
Values read off plots are good to about 3 %, on logarithmic axes to about 15 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
