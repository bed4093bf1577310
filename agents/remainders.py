"""Making shares whole: rounded down, and what is left over goes to the largest remainders."""

from __future__ import annotations

import torch
from torch import Tensor


def largest_remainders(amounts: Tensor, total: int) -> Tensor:
    """Whole numbers ``int64[m]`` next to ``amounts`` that sum to ``total``; ties go to who comes first.

    Parameters
    ----------
    amounts : float64[m]
        Nonnegative, summing to ``total`` but for rounding.
    total : int
    """
    whole = amounts.floor().long()
    left = max(0, total - int(whole.sum()))
    by_remainder = (amounts - whole).argsort(descending=True, stable=True)
    return whole.index_add(0, by_remainder[:left], torch.ones(len(by_remainder[:left]), dtype=torch.int64))
