"""The paper's figures: a line per mechanism, a hollow mark per printed value, a name with a unit on every axis."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from analysis import published_values as published
from analysis.plots.paper import accuracy_figure, error_bound_figure, guarantees_figure, invalid_figure

NAMES = ("m-regretnet", "sequential-menu")
SETTINGS = ("IID", "non-IID")
WEIGHTS = ("optimal", "conventional")


def bounds() -> pd.DataFrame:
    rows = [
        {"setting": setting, "aggregation": weights, "auction": name, "budget_factor": factor,
         "error_bound": 2 / factor, "low": 1 / factor, "high": 3 / factor,
         "invalid_rate": 0.1, "invalid_low": 0.05, "invalid_high": 0.2}
        for setting in SETTINGS for weights in WEIGHTS for name in NAMES for factor in (0.1, 1.0, 2.0)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def courses() -> pd.DataFrame:
    rows = [
        {"setting": setting, "aggregation": weights, "auction": name, "round": played, "mean": 0.5, "low": 0.4,
         "high": 0.6}
        for setting in SETTINGS for weights in WEIGHTS for name in NAMES for played in range(1, 101)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def levels() -> pd.DataFrame:
    rows = [
        {"setting": setting, "auction": "m-regretnet, 60 steps", "levels": count, "regret": 0.2, "regret_low": 0.1,
         "regret_high": 0.3, "ir": 0.0, "ir_low": 0.0, "ir_high": 0.0}
        for setting in SETTINGS for count in (1, 4, 16)
    ]  # fmt: skip
    return pd.DataFrame(rows)


FIGURES = {
    "7": lambda: error_bound_figure(bounds(), published.error_bounds()),
    "8": lambda: invalid_figure(bounds(), published.invalid_rates()),
    "9": lambda: accuracy_figure(courses(), published.accuracies(), chance=0.1, task="digits"),
    "10": lambda: guarantees_figure(levels(), published.guarantees_by_levels()),
}
MARKS = {"7": 24, "8": 12, "9": 12, "10": 20}
LINES = {"7": 8, "8": 4, "9": 8, "10": 4}


@pytest.mark.parametrize("number", FIGURES)
def test_every_mechanism_has_a_line_and_every_printed_value_a_mark(number):
    figure = FIGURES[number]()
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    lines = [line for axes in figure.axes for line in axes.lines]
    hollow = [line for line in lines if line.get_markerfacecolor() == "none"]
    drawn = [line for line in lines if line.get_markerfacecolor() != "none" and len(line.get_xdata()) >= 3]
    measured = [line for line in drawn if line.get_marker() not in ("None", "_", "")]
    assert (len(hollow), len(measured)) == (MARKS[number], LINES[number])
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
    assert len(figure.legends) == 1


def test_points_are_those_of_the_table():
    axes = FIGURES["8"]().axes[0]
    line = next(line for line in axes.lines if line.get_label() == "m-regretnet")
    assert line.get_xdata().tolist() == [0.1, 1.0, 2.0]
    assert line.get_ydata().tolist() == pytest.approx([10.0, 10.0, 10.0])
