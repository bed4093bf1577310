"""Student's intervals over repetitions, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis.across_seeds import across_seeds, blocks_across_seeds, mean_across_seeds

TRADES = pd.DataFrame({"seed": [0, 0, 0, 1, 1], "round": [0, 1, 1, 0, 1], "gain": [1.0, 2.0, 6.0, 3.0, float("nan")]})


def test_three_values_by_hand():
    """Mean 2, standard error 1/sqrt(3), and 4.303 of them for two degrees of freedom."""
    found = across_seeds([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))


def test_one_value_says_nothing_of_the_spread():
    found = across_seeds([1.5])
    assert (found.mean, found.low, found.high) == (1.5, -math.inf, math.inf)
    assert math.isnan(across_seeds([]).mean)
    with pytest.raises(ValueError, match=r"values has shape \[1, 1\]"):
        across_seeds([[1.0]])


def test_runs_count_alike_however_many_rows_they_have():
    assert mean_across_seeds(TRADES, "gain").mean == (3.0 + 3.0) / 2


def test_blocks_follow_one_another():
    blocks = blocks_across_seeds(TRADES, "gain", blocks=2)
    assert blocks["round"].tolist() == [1.0, 2.0]
    assert blocks["mean"].tolist() == [2.0, 4.0]
    assert blocks_across_seeds(TRADES.iloc[:0], "gain").empty
