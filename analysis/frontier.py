"""Which mechanism gives the lowest error bound at no more regret? The rows of an evaluation as points of a plane."""

from __future__ import annotations

import pandas as pd

from analysis.evaluation import BENCHMARKS

SETTING = ["sizes", "budgets", "owners", "budget_factor"]
"""Columns within whose groups mechanisms are compared."""
POINT = [
    *SETTING,
    "auction",
    "error_bound",
    "error_bound_low",
    "error_bound_high",
    "regret",
    "regret_low",
    "regret_high",
    "invalid_rate",
]


def frontier(table: pd.DataFrame) -> pd.DataFrame:
    """Return every evaluated mechanism as a point, and whether another one beats it.

    Parameters
    ----------
    table : DataFrame
        Of ``analysis.evaluation.evaluate``, with regret; the columns of ``SETTING`` that it lacks are one setting.

    Returns
    -------
    DataFrame
        One row per setting, budget factor and mechanism, by error bound: ``POINT`` and ``efficient``, whether no
        mechanism of the same group has both a lower error bound and no more regret. Error bounds are means over the
        valid rounds; beside a high invalid rate they flatter. Benchmarks, which are no mechanisms, are left out.

    Raises
    ------
    ValueError
        If no regret was looked for.
    """
    if "regret" not in table.columns:
        raise ValueError("table has no column 'regret': evaluate with regret_profiles over 0")
    points = table[~table["auction"].isin(BENCHMARKS)].rename(
        columns={"mean": "error_bound", "low": "error_bound_low", "high": "error_bound_high"}
    )
    groups = [name for name in SETTING if name in points.columns]
    points = points[[name for name in POINT if name in points.columns]].reset_index(drop=True)
    points["efficient"] = False
    for _, rows in points.groupby(groups, sort=False):
        points.loc[rows.index, "efficient"] = _efficient(rows)
    return points.sort_values([*groups, "error_bound"], kind="stable", ignore_index=True)


def _efficient(rows: pd.DataFrame) -> list[bool]:
    """Whether no other row has a lower error bound at no more regret, or less regret at the same bound."""
    bound, regret = rows["error_bound"].to_numpy(), rows["regret"].to_numpy()
    known = [(float(b), float(r)) for b, r in zip(bound, regret, strict=True)]
    return [
        b < float("inf")
        and r == r
        and not any((other <= b and found <= r) and (other < b or found < r) for other, found in known)
        for b, r in known
    ]
