"""Charts of the app: what they draw is what they were given, and a browser's library can compile them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.plots import live, live_owners, live_round
from analysis.plots.style import colour_of

NO_EDGES = np.zeros((0, 2), dtype=np.int64)


def compiled(chart: live.LiveChart) -> str:
    """The chart as a browser would draw it; its data are JSON, its texts name every number."""
    vl_convert = pytest.importorskip("vl_convert", reason="needs the extra 'viz'")
    assert set(chart.numbers) <= set(chart.data[chart.table])
    assert len({len(values) for values in chart.data[chart.table].values()}) == 1
    json.dumps(chart.data, allow_nan=False)
    assert chart.said == chart.spec["description"]
    datasets = {name: pd.DataFrame(columns).to_dict("records") for name, columns in chart.data.items()}
    spec = {**chart.spec, "width": 500, "autosize": "pad", "datasets": datasets}
    return str(vl_convert.vegalite_to_svg(json.loads(json.dumps(spec))))


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


@pytest.mark.parametrize("by", ["strategy", "gain"])
def test_a_disc_is_an_owner_its_area_her_data(owners, by):
    chart = live_owners.owners_chart(owners, np.array([[0, 1]]), by=by)
    discs = chart.data["owners"]
    assert discs["data_size"] == [985, 10, 5], "large discs first, so that none hides a small one"
    assert discs["owner"] == [2, 1, 0]
    assert discs["gain"] == [0.0, -40.0, 0.0]
    assert chart.data["edges"] == {"x": [0.0], "y": [0.0], "x2": [1.0], "y2": [0.0]}
    assert chart.said == "3 owners, 2 truthful, 1 random-misreport"
    drawn = compiled(chart)
    assert (colour_of("random-misreport") in drawn) == (by == "strategy")


def test_without_a_network_there_are_no_edges(owners):
    assert "edges" not in live_owners.owners_chart(owners, NO_EDGES).data


def test_gains_are_distributions_by_strategy_and_what_paid_is_marked():
    lies = pd.DataFrame(
        {
            "strategy": ["hedge"] * 4 + ["scaled-valuation"] * 2,
            "gain": [0.5, -0.1, 0.0, 0.1, -0.2, -0.4],
            "paid": [True, False, False, True, False, False],
        }
    )
    chart = live_owners.gains_chart(lies, {"hedge": "Hedge"})
    table = pd.DataFrame(chart.data["strategies"]).set_index("strategy")
    assert table.index.tolist() == ["Hedge", "scaled-valuation"], "the largest mean first"
    assert table.loc["Hedge", ["lies", "paid"]].tolist() == [4, 2]
    assert table.loc["scaled-valuation", "median"] == pytest.approx(-30)
    assert sum(chart.data["lies"]["paid"]) == 2
    assert "Hedge: 2 of 4 paid" in chart.said
    drawn = compiled(chart)
    assert "2 of 4 paid" in drawn
    assert live.GAIN in drawn


def test_of_many_lies_some_are_drawn_and_all_are_counted():
    count = 10 * live_owners.DRAWN_LIES
    lies = pd.DataFrame({"strategy": "hedge", "gain": np.linspace(-1, 0, count), "paid": False})
    chart = live_owners.gains_chart(lies)
    assert chart.data["strategies"]["lies"] == [count]
    assert len(chart.data["lies"]["gain"]) == live_owners.DRAWN_LIES


def test_a_group_that_gained_is_marked():
    groups = pd.DataFrame({"round": [0, 1], "gain": [3.0, -1.0], "paid": [True, False], "members": [4, 5]})
    chart = live_owners.groups_chart(groups)
    assert chart.said.endswith("in money: 1 of 2 gained.")
    assert compiled(chart)


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
    chart = live.gain_chart(gains)
    assert chart.data["rounds"]["paid"] == [False, True, False, False], "1e-15 is rounding"
    assert chart.data["rounds"]["best"] == [-20.0, 30.0, None, 1e-13]
    assert live.GAIN in compiled(chart)


def test_a_round_in_which_nobody_sold_has_no_bound(rounds):
    chart = live.bound_chart(rounds)
    assert chart.data["rounds"]["bought"] == [0.5, None, 0.2]
    assert chart.said.endswith("In 1 of 3 rounds nobody sold.")
    assert "first best" not in compiled(chart)


def test_the_first_best_is_drawn_where_it_was_searched_for(rounds):
    chart = live.bound_chart(rounds.assign(error_bound_first_best=[0.4, 0.3, 0.1]))
    assert chart.data["rounds"]["best"] == [0.4, 0.3, 0.1]
    assert "first best" in compiled(chart)


def test_rounds_without_any_sale_can_be_drawn(rounds):
    assert compiled(live.bound_chart(rounds.assign(error_bound=np.inf)))


def test_money_is_added_up_over_buyers(rounds):
    both = pd.concat([rounds, rounds.assign(buyer=1, spent=10.0)])
    chart = live.money_chart(both)
    assert chart.data["rounds"]["spent"] == [100.0, 10.0, 130.0]
    assert chart.data["rounds"]["budget"] == [200.0, 160.0, 240.0]
    assert "offered: the budget" in compiled(chart)


def test_every_buyer_has_a_curve_of_her_own_and_the_market_beside_one(rounds):
    both = pd.concat([rounds, rounds.assign(buyer=1)])
    chart = live.accuracy_chart(both, chance=0.1, beside=rounds, name="the other")
    assert chart.data["names"]["name"] == ["buyer 0's model", "buyer 1's model", "the other", "guessing (10%)"]
    assert chart.data["rounds"]["beside"] == [10.0, 10.0, 40.0]
    assert "buyer 1" in compiled(chart)


def test_privacy_is_shown_below_its_allowance():
    privacy = pd.DataFrame(
        {"round": [0, 1], "median": [0.0, 1.0], "high": [1.0, 2.0], "largest": [1.5, 3.0], "total": [0.0, 0.9]}
    )
    assert "allowance" not in live.privacy_chart(privacy).data["rounds"]
    chart = live.privacy_chart(privacy, allowance=4.0)
    assert chart.data["rounds"]["allowance"] == [4.0, 4.0]
    assert "lifetime allowance" in compiled(chart)


def test_a_long_run_is_smoothed_to_means_and_ends_where_it_ends():
    frame = pd.DataFrame({"round": np.arange(1, 1001), "value": np.arange(1000.0), "last": np.arange(1000.0)})
    thin = live.thinned(frame, points=100, last=("last",))
    assert len(thin) == 100
    assert thin["round"].iloc[-1] == 1000
    assert thin["value"].iloc[0] == pytest.approx(4.5)
    assert thin["last"].iloc[0] == 9
    assert live.thinned(frame.head(50), points=100).equals(frame.head(50))


def test_what_is_sent_has_few_digits_and_no_infinities():
    sent = live.columns_of(pd.DataFrame({"a": [1 / 3, np.inf, np.nan], "b": [1, 2, 3], "c": ["x", "y", "z"]}))
    assert sent == {"a": [0.3333, None, None], "b": [1, 2, 3], "c": ["x", "y", "z"]}


@pytest.fixture
def offers() -> pd.DataFrame:
    return pd.DataFrame(
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


def test_a_round_as_a_picture_has_a_row_per_bidder(offers):
    chart = live_round.prices_chart(offers)
    table = chart.data["offers"]
    assert table["name"] == ["truthful  7", "hedge  3", "truthful  5"]
    assert table["what"] == ["price paid", "price refused", ""]
    assert table["profit"] == ["profit", "loss", "loss"]
    assert table["ask"] == [None, 2.5, None], "only a liar claims another cost"
    assert chart.said == "Prices of one round: of 3 bidders shown 1 sold; 1 refused a price."
    assert compiled(chart)


@pytest.mark.parametrize(("what", "sold"), [("privacy", [0.5, 0, 0]), ("records", [20, 0.7, 0.7])])
def test_what_was_sold_stands_before_what_she_has(offers, what, sold):
    chart = live_round.sold_chart(offers, what=what)
    assert chart.data["offers"]["sold_to"] == sold
    assert compiled(chart)


def test_a_price_list_shows_what_the_bid_picked_beside_what_suits_her_best():
    entries = pd.DataFrame(
        {
            "privacy_loss": [0.5, 1.0, 2.0],
            "price": [1.0, 2.5, 6.0],
            "records": [10, 20, 20],
            "profit": [2.0, 5.0, np.nan],
            "chosen": [True, False, False],
            "best": [False, True, False],
        }
    )
    curves = pd.DataFrame({"privacy_loss": [0.0, 1.5], "cost": [0.0, 2.0], "ask": [0.0, 3.0]})
    prices, profits = live_round.price_list_charts(entries, curves, privacy_budget=1.5)
    assert prices.data["entries"]["profit"] == [2.0, 5.0, None], "what she does not tolerate earns her nothing known"
    drawn = [layer["encoding"]["y"]["field"] for layer in prices.spec["layer"] if layer["data"] == {"name": "curves"}]
    assert drawn == ["cost", "ask"]
    assert compiled(prices)
    assert compiled(profits)
    honest, _ = live_round.price_list_charts(entries, curves.assign(ask=curves["cost"]), privacy_budget=1.5)
    assert len(honest.spec["layer"]) == len(prices.spec["layer"]) - 1
