"""Which mechanisms nobody beats in both error bound and regret."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.evaluation import FACTORS, FIRST_BEST
from analysis.frontier import frontier
from analysis.published_values import ALL_BUDGETS, MEASURED_ERROR_BOUND, MEASURED_INVALID_RATE, published_points


def table(rows, **setting):
    """Rows of (auction, error bound, regret)."""
    frame = pd.DataFrame(rows, columns=["auction", "mean", "regret"])
    for name in ("low", "high"):
        frame[name], frame[f"regret_{name}"] = frame["mean"], frame["regret"]
    return frame.assign(budget_factor="1", invalid_rate=0.0, **setting)


def test_a_mechanism_is_efficient_if_nobody_has_both_a_lower_bound_and_less_regret():
    points = frontier(
        table(
            [
                ("exact", 2.0, 0.0),
                ("exact but worse", 3.0, 0.0),
                ("bold", 1.5, 0.4),
                ("beaten", 1.8, 0.5),
                ("nobody sells", np.inf, np.nan),
                (FIRST_BEST, 1.0, np.nan),
            ]
        )
    )
    assert points["auction"].tolist() == ["bold", "beaten", "exact", "exact but worse", "nobody sells"]
    assert points.loc[points["efficient"], "auction"].tolist() == ["bold", "exact"]


def test_settings_are_not_compared_with_one_another():
    rows = pd.concat([table([("a", 1.0, 0.0)], owners=3), table([("b", 2.0, 0.1)], owners=10)])
    assert frontier(rows)["efficient"].tolist() == [True, True]


def test_equals_are_both_efficient():
    assert frontier(table([("a", 1.0, 0.0), ("b", 1.0, 0.0)]))["efficient"].tolist() == [True, True]


def test_without_regret_there_is_no_frontier():
    with pytest.raises(ValueError, match="evaluate with regret_profiles over 0"):
        frontier(table([("a", 1.0, 0.0)]).drop(columns="regret"))


def test_published_points_are_of_one_kind_of_sizes_and_of_ten_owners():
    iid, non_iid = published_points("lognormal", 10), published_points("dirichlet", 10)
    assert set(iid["budget_factor"]) == {"0.1", "2", ALL_BUDGETS} <= set(FACTORS)
    assert set(non_iid["budget_factor"]) == {"0.1", "2"}
    assert published_points("zipf", 10).empty
    assert published_points("lognormal", 30).empty
    attacked = iid[iid["low"].notna()].iloc[0]
    assert attacked["low"] < attacked["regret"] < attacked["high"]
    assert set(MEASURED_INVALID_RATE) <= set(MEASURED_ERROR_BOUND)
