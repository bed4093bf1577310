"""Figures of the app: what they draw is what they were given."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy import stats

from analysis.plots import live, live_owners, live_round
from analysis.plots.style import colour_of

NO_EDGES = np.zeros((0, 2), dtype=np.int64)


def drawn(figure) -> int:
    """Size of the figure as a picture: it can be drawn."""
    picture = io.BytesIO()
    figure.savefig(picture, dpi=40)
    return len(picture.getvalue())


def lines(axes) -> dict[str, np.ndarray]:
    """Heights of the lines by their names."""
    return {line.get_label(): np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()}


@pytest.fixture
def owners() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": [0.0, 1.0, 0.5],
            "y": [0.0, 0.0, 1.0],
            "strategy": ["truthful", "random-misreport", "truthful"],
            "data_size": [5, 10, 985],
            "gain": [0.0, -0.4, 0.0],
            "bids": [True, True, False],
            "active": [True, True, False],
        }
    )


def test_a_disc_is_an_owner_its_area_her_data(owners):
    figure = live_owners.owners_figure(owners, np.array([[0, 1]]))
    edges, here, gone = figure.axes[0].collections
    assert len(edges.get_segments()) == 1
    assert len(gone.get_offsets()) == 1
    areas = here.get_sizes()
    assert areas[0] / areas[1] == pytest.approx(2)
    assert to_hex(here.get_facecolors()[1]) == colour_of("truthful").lower()
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["truthful (2)", "random-misreport (1)", "outlined: bid last round", "left the market (1)"]
    assert drawn(figure)


def test_who_lost_by_lying_is_purple_and_who_did_not_is_pale(owners):
    figure = live_owners.owners_figure(owners, NO_EDGES, by="gain")
    faces = figure.axes[0].collections[0].get_facecolors()
    assert faces[1][:3].min() > 0.9
    red, green, blue = faces[0][:3]
    assert blue > green
    assert blue > red
    assert drawn(figure)


def test_bids_stand_beside_their_truth_and_those_far_out_on_the_edge():
    bids = pd.DataFrame(
        {
            "strategy": ["truthful"] * 300 + ["hedge"],
            "truthful": [True] * 300 + [False],
            "truth": [0.5] * 300 + [1e6],
            "utility": [0.5] * 300 + [0.2],
        }
    )
    figure = live_owners.utilities_figure(bids)
    axes = figure.axes[0]
    honest, misreport = [part.get_offsets() for part in axes.collections if part.get_label() in ("truthful", "hedge")]
    np.testing.assert_allclose(honest, 0.5)
    np.testing.assert_allclose(misreport, [[axes.get_xlim()[1], 0.2]])
    assert drawn(figure)


def test_the_running_gain_is_all_gains_over_all_lies_with_students_interval():
    gains = pd.DataFrame({"misreports": [2, 2, 0, 2], "total": [-1.0, -3.0, 0.0, -2.0]})
    running = live.running_gain(gains)
    np.testing.assert_allclose(running["mean"], [-0.5, -1.0, -1.0, -1.0])
    assert np.isnan(running["low"].iloc[0])
    # With equally many lies a round the ratio is a mean of round means: Student's interval of (-0.5, -1.5, -1).
    low, high = stats.t.interval(0.95, 2, loc=-1.0, scale=stats.sem([-0.5, -1.5, -1.0]))
    np.testing.assert_allclose(running[["low", "high"]].iloc[3], [low, high])


def test_nothing_is_known_of_the_gain_before_the_first_lie():
    assert live.running_gain(pd.DataFrame({"misreports": [0, 0], "total": [0.0, 0.0]})).isna().all(axis=None)


def test_a_lie_that_paid_is_marked_apart():
    gains = pd.DataFrame(
        {
            "round": [0, 1, 2, 3],
            "misreports": [1, 1, 0, 1],
            "paid": [0, 1, 0, 0],
            "total": [-0.2, 0.3, 0.0, 1e-15],
            "max": [-0.2, 0.3, -np.inf, 1e-15],
        }
    )
    axes = live.gain_figure(gains).axes[0]
    assert lines(axes)["the round's best lie: it paid"].tolist() == [0.3], "1e-15 is rounding"
    low, high = axes.get_ylim()
    assert low < -0.19
    assert high > 0.29
    assert drawn(axes.figure)


@pytest.fixture
def rounds() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "round": [0, 1, 2],
            "buyer": [0, 0, 0],
            "error_bound": [0.5, np.inf, 0.2],
            "error_bound_first_best": [None, None, None],
            "budget": [100.0, 80.0, 120.0],
            "spent": [90.0, 0.0, 120.0],
            "test_accuracy": [0.1, 0.1, 0.4],
        }
    )


def test_a_round_in_which_nobody_sold_has_no_bound_and_is_marked(rounds):
    axes = live.bound_figure(rounds).axes[0]
    found = lines(axes)
    np.testing.assert_array_equal(found["what was bought"], [0.5, np.nan, 0.2])
    assert len(found["nobody sold (1 of 3 rounds)"]) == 1
    assert axes.get_yscale() == "log"
    assert drawn(axes.figure)


def test_the_first_best_is_drawn_where_it_was_searched_for(rounds):
    best = rounds.assign(error_bound_first_best=[0.4, np.inf, 0.1])
    found = lines(live.bound_figure(best).axes[0])
    np.testing.assert_array_equal(found["first best (every cost known)"], [0.4, np.nan, 0.1])


def test_rounds_without_any_sale_can_be_drawn(rounds):
    assert drawn(live.bound_figure(rounds.assign(error_bound=np.inf)))


def test_money_is_added_up_over_buyers(rounds):
    two = pd.concat([rounds, rounds.assign(buyer=1)])
    figure = live.money_figure(two)
    offered, spent = [patch.get_data().values for patch in figure.axes[0].patches]
    assert offered.tolist() == [200.0, 160.0, 240.0]
    assert spent.tolist() == [180.0, 0.0, 240.0]
    assert drawn(figure)


def test_every_buyer_has_a_curve_of_her_own(rounds):
    assert "the buyer's model" in lines(live.accuracy_figure(rounds, chance=0.1).axes[0])
    two = pd.concat([rounds, rounds.assign(buyer=1)])
    axes = live.accuracy_figure(two, chance=0.1).axes[0]
    assert {"buyer 0", "buyer 1", "guessing (10%)"} == set(lines(axes))
    assert drawn(axes.figure)


def test_privacy_is_shown_below_its_allowance():
    privacy = pd.DataFrame({"round": [0, 1], "median": [0.5, 0.9], "high": [1.0, 2.0], "largest": [2.0, 3.5]})
    privacy["total"] = [0.5, 0.8]
    axes = live.privacy_figure(privacy, allowance=4.0).axes[0]
    assert lines(axes)["lifetime allowance"].tolist() == [4.0, 4.0]
    assert axes.get_ylim()[0] == 0
    assert lines(axes)["median, tight total"].tolist() == [0.5, 0.8]
    without_noise = lines(live.privacy_figure(privacy.assign(total=np.inf)).axes[0])
    assert not {"lifetime allowance", "median, tight total"} & set(without_noise)
    assert drawn(axes.figure)


def test_a_round_as_a_picture_has_a_row_per_bidder():
    offers = pd.DataFrame(
        {
            "owner": [7, 3, 5],
            "strategy": ["truthful", "hedge", "truthful"],
            "truthful": [True, False, True],
            "sells": [True, False, False],
            "data_size": [50, 40, 30],
            "records": [20, 0, 0],
            "privacy_budget": [1.0, 2.0, 1.5],
            "privacy_loss": [0.5, 0.0, 0.0],
            "price": [3.0, 1.0, np.nan],
            "cost": [2.0, 1.5, 4.0],
            "ask": [2.0, 2.5, 4.0],
        }
    )
    figure = live_round.last_round_figure(offers)
    prices, losses, records = figure.axes
    assert [text.get_text() for text in prices.texts] == ["truthful  7", "hedge  3", "truthful  5"]
    marks = {line.get_label(): line.get_xdata().tolist() for line in prices.get_lines()}
    assert marks["price paid"] == [3.0]
    assert marks["price refused"] == [1.0]
    assert marks["what a liar says it costs"] == [2.5]
    for axes, sold in ((losses, 0.5), (records, 20)):
        held, bought = axes.collections
        assert len(held.get_segments()) == 3
        assert [segment[1][0] for segment in bought.get_segments()] == [sold]
    assert drawn(figure)


def test_a_price_list_shows_what_the_bid_picked_beside_what_suits_her_best():
    entries = pd.DataFrame(
        {
            "privacy_loss": [0.5, 1.0, 2.0],
            "price": [1.0, 3.0, 5.0],
            "records": [10, 20, 30],
            "profit": [2.0, 6.0, np.nan],
            "chosen": [True, False, False],
            "best": [False, True, False],
        }
    )
    curves = pd.DataFrame({"privacy_loss": [0.0, 1.5], "cost": [0.0, 3.0], "ask": [0.0, 4.0]})
    figure = live_round.price_list_figure(entries, curves, privacy_budget=1.5)
    prices, profits = figure.axes
    assert lines(prices)["the cost she claims"].tolist() == [0.0, 4.0]
    found = {part.get_label(): part.get_offsets().tolist() for part in prices.collections}
    assert found["what her bid picked"] == [[0.5, 1.0]]
    assert found["what suits her best"] == [[1.0, 3.0]]
    assert profits.get_ylim()[0] < 0
    assert drawn(figure)
    honest = live_round.price_list_figure(entries, curves.assign(ask=curves["cost"]), privacy_budget=1.5)
    assert "the cost she claims" not in lines(honest.axes[0])
