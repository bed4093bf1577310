"""Has the search flattened? What all attackers together had found, over everybody and all queries."""

from __future__ import annotations

import numpy as np
import pandas as pd

SECOND_ROUND = "second round"


def combined_curve(curves: pd.DataFrame) -> pd.DataFrame:
    """What all attackers had found against queries per owner, the second round included.

    There the finalists meet their attackers while everybody else is climbed on: the two curves of that round are
    averaged over everybody, the shorter one staying where it ended.

    Parameters
    ----------
    curves : DataFrame
        ``attacker, together, owners`` in the order of the queries; see ``analysis.incentives.joining.curves``.

    Returns
    -------
    DataFrame
        ``attacker, together``: mean gain over own cost, one row per query.
    """
    everybody = curves["owners"].max() if len(curves) else 0
    asked = curves["owners"] == everybody
    found = curves.loc[asked, ["attacker", "together"]].reset_index(drop=True)
    others = curves[~asked]
    names = others["attacker"].unique()
    if len(names) < 2:
        return found
    climbing = others["attacker"] == names[-1]
    halves = [others[~climbing], others[climbing]]
    counts = [int(half["owners"].iloc[0]) for half in halves]
    if sum(counts) != everybody:
        return found
    length = max(map(len, halves))
    padded = [np.pad(half["together"].to_numpy(), (0, length - len(half)), mode="edge") for half in halves]
    mean = sum(count * half for count, half in zip(counts, padded, strict=True)) / everybody
    return pd.concat([found, pd.DataFrame({"attacker": SECOND_ROUND, "together": mean})], ignore_index=True)
