"""Figures show what is in the tables."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from analysis.plots.market import MAX_POINTS, market_figure

STRATEGIES = ("random-misreport", "scaled-valuation", "understated-data-size", "understated-privacy-budget")


def tables(bids: int = 40) -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(0)
    truth = draw.exponential(5.0, bids)
    gain = -draw.uniform(0, 1, bids) * truth
    gain[::5] = np.nan
    trades = pd.DataFrame(
        {
            "strategy": [STRATEGIES[i % 4] for i in range(bids)],
            "own_cost": 20.0,
            "truthful_utility": truth,
            "utility": truth + np.nan_to_num(gain),
            "misreport_gain": gain,
        }
    )
    rounds = pd.DataFrame(
        {"seed": [0] * 5 + [1] * 5, "round": [*range(5)] * 2, "test_accuracy": np.linspace(0.1, 0.9, 10)}
    )
    return rounds, trades


def points_of(axes: Axes) -> list[np.ndarray]:
    return [drawn.get_offsets() for drawn in axes.collections if isinstance(drawn, PathCollection)]


def test_every_lie_is_a_point_and_every_strategy_is_named():
    rounds, trades = tables()
    figure = market_figure(rounds, trades, ceiling=rounds, chance=0.1)
    misreports, learning = figure.axes
    assert sum(map(len, points_of(misreports))) == trades["misreport_gain"].notna().sum()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(STRATEGIES)
    assert [line.get_label() for line in learning.lines] == ["without noise", "with the privacy bought", "chance"]
    np.testing.assert_allclose(learning.lines[1].get_ydata(), rounds.groupby("round")["test_accuracy"].mean())


def test_a_point_is_the_lies_utility_over_the_truths_per_cost_of_everything():
    rounds, trades = tables(bids=2)
    figure = market_figure(rounds, trades, ceiling=rounds, chance=0.1)
    (points,) = points_of(figure.axes[0])
    np.testing.assert_allclose(points, trades[["truthful_utility", "utility"]].iloc[1:] / 20)


def test_the_figure_stays_small_however_long_the_market_ran():
    rounds, trades = tables(bids=20_000)
    figure = market_figure(rounds, trades, ceiling=rounds, chance=0.1)
    assert [len(points) for points in points_of(figure.axes[0])] == [MAX_POINTS] * 4
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    assert len(file.getvalue()) <= 200_000


def test_a_market_of_honest_owners_has_a_figure_too():
    rounds, trades = tables()
    figure = market_figure(rounds, trades.assign(misreport_gain=np.nan), ceiling=rounds, chance=0.1)
    assert points_of(figure.axes[0]) == []
