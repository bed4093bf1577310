"""The picture of error bound against regret: every mechanism is on it, none of them outside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.evaluation import FIRST_BEST, NO_BUDGET
from analysis.plots.frontier import EDGE, MAX_WEIGHT, frontier_figure, frontier_panel
from analysis.published_values import ALL_BUDGETS, published_points

FACTORS = ["0.1", "2", ALL_BUDGETS]


@pytest.fixture(scope="module")
def points():
    rows = [
        (factor, name, bound, regret, efficient)
        for factor in FACTORS
        for name, bound, regret, efficient in (
            ("sequential-menu", 1.8, 0.0, True),
            ("all-in", 2.1, 0.05, False),
            ("csra", 51.0, 0.9, False),
            ("nobody-sells", np.inf, np.nan, False),
        )
    ]
    frame = pd.DataFrame(rows, columns=["budget_factor", "auction", "error_bound", "regret", "efficient"])
    for name in ("error_bound", "regret"):
        frame[f"{name}_low"], frame[f"{name}_high"] = frame[name] * 0.9, frame[name] * 1.1
    return frame


@pytest.fixture(scope="module")
def benchmarks():
    rows = [(factor, name, mean) for factor in FACTORS for name, mean in ((FIRST_BEST, 1.3), (NO_BUDGET, 1.1))]
    return pd.DataFrame(rows, columns=["budget_factor", "auction", "mean"])


@pytest.fixture(scope="module")
def figure(points, benchmarks):
    figure = frontier_figure(points, benchmarks, published_points("lognormal", 10))
    figure.canvas.draw()
    return figure


def places(axes):
    """Marks of a panel, as (regret, error bound)."""
    return {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1}


def test_there_is_a_panel_for_every_budget_factor(figure):
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["budget factor f = 0.1", "budget factor f = 2", "budget factor f ~ U[0.1, 2]"]


def test_a_chosen_factor_stands_alone(points, benchmarks):
    figure = frontier_figure(points, benchmarks, published_points("zipf", 10), factors=["2"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["budget factor f = 2"]


def test_no_regret_at_all_is_on_the_axis_and_a_bad_bound_at_its_edge(figure):
    for axes in figure.axes:
        assert axes.get_xlim()[0] < 0 < axes.get_xlim()[1]
        assert {(0.0, 1.8), (0.05, 2.1), (0.9, EDGE)} <= places(axes)
        assert all(y <= MAX_WEIGHT for _, y in places(axes))


def test_benchmarks_are_lines_and_published_figures_hollow(figure):
    axes = figure.axes[-1]
    levels = {line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]}
    assert levels == {1.3, 1.1}
    hollow = {
        (line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_markerfacecolor() == "white"
    }
    assert {(0.52, 5.005), (0.0556, 5.005)} <= hollow


def test_the_legend_names_everything_once_and_the_axis_says_at_least(figure):
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == len(set(names))
    assert {"sequential-menu", "all-in", "csra", FIRST_BEST, NO_BUDGET} < set(names)
    assert "nobody-sells" not in names
    assert "at least" in figure.get_supxlabel()


def test_the_panel_for_the_readme_names_every_mark_beside_it_and_no_two_names_overlap(points, benchmarks):
    figure = frontier_panel(
        points, benchmarks, published_points("lognormal", 10), factor=ALL_BUDGETS, headline="sequential-menu"
    )
    figure.canvas.draw()
    (axes,) = figure.axes
    names = {text.get_text(): text for text in axes.texts}
    assert {"sequential-menu", "all-in", "csra", FIRST_BEST, NO_BUDGET, "DM-RegretNet (published)"} <= set(names)
    assert names["sequential-menu"].get_fontweight() == "bold"
    assert not figure.legends
    marks = [text.get_window_extent() for name, text in names.items() if name not in (FIRST_BEST, NO_BUDGET)]
    assert not any(one.overlaps(other) for place, one in enumerate(marks) for other in marks[:place])
    assert "log" in axes.get_ylabel()
