"""Figures of strategic owners show what is in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.intervals import Interval
from analysis.plots.strategic import buyers_figure, drawn, trajectories_figure, worth_figure
from analysis.plots.style import colour_of

LINE = pd.DataFrame({"round": [1.0, 2.0], "mean": [1.0, 2.0], "low": [0.5, -np.inf], "high": [1.5, np.inf]})
ROWS = [
    {"auction": name, "share": share, "gain": Interval(gain, gain - 1, gain + 1)}
    for name, share, gain in (("all-in", "25 %", 1.0), ("all-in", "50 %", 2.0), ("pay-as-bid", "25 %", 3.0))
]


def test_every_market_has_a_panel_and_every_name_a_line():
    figure = trajectories_figure(
        {"one": {"hedge": LINE, "exp3": LINE}, "two": {"hedge": LINE}}, y="ratio", reference=1.0, said="the truth"
    )
    one, two = figure.axes
    assert [line.get_label() for line in one.lines] == ["the truth", "hedge", "exp3"]
    assert one.lines[1].get_color() == colour_of("hedge")
    np.testing.assert_array_equal(two.lines[1].get_ydata(), LINE["mean"])
    assert (one.get_title(loc="left"), one.get_ylabel(), two.get_ylabel()) == ("one", "ratio", "")


def test_a_band_without_end_does_not_hide_the_means():
    (axes,) = trajectories_figure({"one": {"hedge": LINE}}, y="ratio", reference=0.0, said="nothing").axes
    low, high = axes.get_ylim()
    assert -1 < low < 0
    assert 2 < high < 3


def test_marks_stand_over_their_settings():
    table = drawn(ROWS, "auction", "share", "gain")
    assert table.iloc[0].tolist() == ["all-in", "25 %", 1.0, 0.0, 2.0]
    (axes,) = worth_figure({"What is it worth?": table}, x="share", y="gain").axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["25 %", "50 %"]
    marks = [container.lines[0] for container in axes.containers]
    assert [line.get_ydata().tolist() for line in marks] == [[1.0, 2.0], [3.0]]
    assert [round(place) for place in marks[0].get_xdata()] == [0, 1]


def test_a_market_of_buyers_has_a_panel_per_quantity_and_one_for_the_lies():
    worth = drawn(ROWS, "auction", "share", "gain")
    styles = {"a": {"color": "#000000", "linestyle": "--"}}
    figure = buyers_figure({"sellers": {"a": LINE}, "accuracy": {"a": LINE}}, styles, worth)
    sellers, accuracy, misreports = figure.axes
    assert (sellers.get_ylabel(), accuracy.get_ylabel()) == ("sellers", "accuracy")
    assert sellers.lines[0].get_linestyle() == "--"
    assert len(misreports.containers) == 2
