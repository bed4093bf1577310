"""Figures along the rounds show what is in the tables, with units on every axis."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.intervals import by_block
from analysis.plots.comparison import market_styles, numbers_figure, overlay_figure
from analysis.plots.rounds import accounts_figure, privacy_figure, rounds_figure
from analysis.plots.style import style_of
from analysis.report.comparison import side_by_side


def drawn(figure: Figure) -> Figure:
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    for axes in figure.axes:
        if axes.get_visible():
            assert axes.get_xlabel()
            assert axes.get_ylabel()
    return figure


def test_development_is_the_means_of_blocks(markets):
    figure = drawn(rounds_figure(markets[0].rounds, markets[0].trades))
    bound, money, gain = figure.axes
    np.testing.assert_allclose(bound.lines[0].get_ydata(), by_block(markets[0].rounds, "error_bound")["mean"])
    assert [line.get_label() for line in money.lines] == ["budget", "spent"]
    deviators = sorted(markets[0].trades.dropna(subset="misreport_gain")["strategy"].unique())
    assert [line.get_label() for line in gain.lines[:-1]] == deviators


def test_every_strategy_has_a_mark_for_the_truth_and_one_for_what_happened(markets):
    figure = drawn(accounts_figure(markets[0].trades))
    (axes,) = figure.axes
    names = sorted(markets[0].trades["strategy"].unique())
    assert [text.get_text() for text in axes.get_yticklabels()] == names
    assert len(axes.containers) == 2 * len(names)


def test_privacy_adds_up_over_the_rounds(markets):
    (axes,) = drawn(privacy_figure(markets[0].trades)).axes
    maximum = markets[0].trades.groupby(["seed", "owner"])["privacy_loss"].sum().max()
    assert axes.lines[1].get_ydata()[-1] == pytest.approx(maximum)
    assert (np.diff(axes.lines[1].get_ydata()) >= 0).all()
    (empty,) = drawn(privacy_figure(markets[0].trades.assign(privacy_loss=0.0))).axes
    assert not len(empty.lines)


def test_a_comparison_has_one_mark_per_market_and_quantity(markets):
    numbers = side_by_side(markets)
    figure = drawn(numbers_figure(numbers))
    assert sum(len(axes.containers) for axes in figure.axes) == numbers["mean"].notna().sum()
    overlaid = drawn(overlay_figure({m.label: m.rounds for m in markets}, {m.label: m.trades for m in markets}))
    assert [line.get_label() for line in overlaid.axes[0].lines] == ["ascending-menu", "all-in"]


def test_a_market_named_by_its_auction_has_the_auctions_colour():
    assert market_styles(["all-in", "pac"]) == {"all-in": style_of("all-in"), "pac": style_of("pac")}
    assert market_styles(["mine", "all-in"])["mine"]["marker"] == "o"
