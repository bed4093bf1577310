"""Rows of a record: families and tables, truth told in other words, and what has no value."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.messages import Bids, Outcome
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation, TabulatedValuation, Valuation, tabulated
from market_sim.record import RoundRecord, untruthful
from market_sim.results import ROUNDS, TRADES
from market_sim.rows import gini, round_of, trades_of

PARAMETRIC = ParametricValuation(family=torch.tensor([[0, 3]]), factor=torch.tensor([[1.0, 0.5]]).double())
TABLE = tabulated(PARAMETRIC, [1.0, 2.0])
MIXED = PARAMETRIC.where(torch.tensor([[True, False]]), TABLE)


def types(valuation: Valuation = PARAMETRIC) -> OwnerTypes:
    return OwnerTypes(
        valuation=valuation, privacy_budget=torch.tensor([[1.0, 2.0]]).double(), data_size=torch.tensor([[10, 20]])
    )


def record(true: OwnerTypes, bids: Bids, utility: list[float], truthful_utility: list[float]) -> RoundRecord:
    return RoundRecord(
        round=0,
        buyer=0,
        auction="all-in",
        aggregation="optimal",
        budget=1.0,
        owners=torch.tensor([4, 2]),
        strategies=["truthful", "truthful"],
        types=true,
        bids=bids,
        untruthful=untruthful(true, bids),
        outcome=Outcome.nothing(1, 2),
        utility=torch.tensor([utility]).double(),
        truthful_utility=torch.tensor([truthful_utility]).double(),
        privacy_spent=torch.zeros(2).double(),
        delta_spent=torch.zeros(2).double(),
        privacy_total=torch.zeros(2).double(),
        unusable_records=torch.zeros(2, dtype=torch.int64),
        sellers=0,
        error_bound=math.inf,
        error_bound_first_best=None,
        worst_bound=36.0,
        value_of_accuracy=1.0,
        test_accuracy=0.1,
        test_loss=2.3,
    )


def test_rows_have_exactly_the_columns_of_the_tables() -> None:
    made = record(types(), types().truthful_bids(), [0, 0], [0, 0])
    assert list(round_of(made)) == ROUNDS.names
    assert list(trades_of(made)) == TRADES.names


@pytest.mark.parametrize(
    ("valuation", "family", "factor"),
    [
        (PARAMETRIC, ["linear", "exponential"], [1.0, 0.5]),
        (TABLE, [None, None], [None, None]),
        (MIXED, ["linear", None], [1.0, None]),
    ],
)
def test_only_the_papers_families_have_names(
    valuation: Valuation, family: list[str | None], factor: list[float | None]
) -> None:
    rows = trades_of(record(types(), types(valuation).truthful_bids(), [0, 0], [0, 0]))
    assert rows["reported_family"] == family
    assert rows["reported_factor"] == factor
    assert rows["family"] == ["linear", "exponential"]


def test_the_truth_as_a_table_is_a_lie_only_where_the_table_bends_it() -> None:
    # A line through (0, 0) is what a linear valuation is; an exponential one lies below its chords.
    bids = types(TABLE).truthful_bids()
    assert untruthful(types(), bids).tolist() == [[False, True]]
    assert untruthful(types(TABLE), bids).tolist() == [[False, False]]
    assert untruthful(types(TABLE), types(tabulated(PARAMETRIC, [1.0, 2.0])).truthful_bids()).tolist() == [
        [False, False]
    ]


def test_a_table_that_bends_between_the_steps_is_a_lie() -> None:
    # A bump and a dent between two of the sixteen steps to privacy budget 1, on which the curve of the truth is met.
    levels, bent = torch.tensor([1 / 16, 0.08, 0.1, 2 / 16, 1.0, 2.0]).double(), 0.08 * 2 + 0.01
    line = 2 * levels
    curve = torch.where(levels == levels[1], bent, line)
    table = TabulatedValuation(levels=levels, cost=curve.expand(1, 2, -1))
    linear = ParametricValuation(family=torch.zeros(1, 2, dtype=torch.int64), factor=torch.ones(1, 2).double())
    steps = torch.arange(1, 17).double() / 16
    assert torch.allclose(table.tabulate(steps), linear.tabulate(steps))
    assert untruthful(types(linear), types(table).truthful_bids()).tolist() == [[True, True]]
    straight = TabulatedValuation(levels=levels[[0, 4, 5]], cost=line[[0, 4, 5]].expand(1, 2, -1))
    assert untruthful(types(linear), types(straight).truthful_bids()).tolist() == [[False, False]]
    beyond = types(linear).privacy_budget / 64
    small = OwnerTypes(valuation=linear, privacy_budget=beyond, data_size=types().data_size)
    assert untruthful(small, small.truthful_bids().replace(valuation=table)).tolist() == [[False, False]]


@pytest.mark.parametrize("field", ["privacy_budget", "data_size"])
def test_less_than_there_is_is_a_lie(field: str) -> None:
    said = getattr(types(), field).clone()
    said[0, 1] -= 1
    assert untruthful(types(), types().truthful_bids().replace(**{field: said})).tolist() == [[False, True]]


def test_an_infinite_loss_avoided_is_an_infinite_gain_and_equal_ones_are_none() -> None:
    bids = types().truthful_bids().replace(data_size=torch.tensor([[9, 19]]))
    rows = trades_of(record(types(), bids, [0.0, -math.inf], [-math.inf, -math.inf]))
    assert rows["misreport_gain"] == [math.inf, 0.0]


def test_all_that_she_has_has_a_cost_whatever_form_her_curve_takes() -> None:
    rows = trades_of(record(types(MIXED), types(MIXED).truthful_bids(), [0, 0], [0, 0]))
    assert rows["own_cost"] == [10 * 2.0, 20 * (0.5 * math.expm1(2.0))]
    assert rows["family"] == ["linear", None]


def test_an_owner_without_cost_has_no_report_ratio() -> None:
    free = ParametricValuation(family=PARAMETRIC.family, factor=torch.tensor([[0.0, 0.5]]).double())
    rows = trades_of(record(types(free), types(free).truthful_bids(), [0, 0], [0, 0]))
    assert rows["report_ratio"] == [None, 1.0]


def test_truthful_losers_violate_individual_rationality_liars_do_not() -> None:
    lying = types().truthful_bids().replace(data_size=torch.tensor([[10, 19]]))
    assert round_of(record(types(), lying, [-1.0, -1.0], [-1.0, 0.0]))["ir_violations"] == 1


def test_an_invalid_round_is_worth_nothing_to_the_buyer() -> None:
    row = round_of(record(types(), types().truthful_bids(), [0, 0], [0, 0]))
    assert (row["invalid"], row["buyer_utility"], row["payment_gini"]) == (True, 0.0, None)


class TestGini:
    """Of payments."""

    def test_by_hand(self) -> None:
        assert gini(torch.tensor([5.0, 5.0, 5.0]).double()) == pytest.approx(0)
        assert gini(torch.tensor([0.0, 0.0, 0.0, 9.0]).double()) == pytest.approx(3 / 4)
        assert gini(torch.tensor([3.0, 1.0]).double()) == pytest.approx(1 / 4)
        assert gini(torch.zeros(3).double()) is None
        assert gini(torch.zeros(0).double()) is None

    @given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8).filter(lambda payments: sum(payments) > 1e-3))
    def test_is_the_mean_difference_over_twice_the_mean(self, payments: list[float]) -> None:
        count, total = len(payments), sum(payments)
        difference = sum(abs(a - b) for a in payments for b in payments) / count**2
        assert gini(torch.tensor(payments, dtype=torch.float64)) == pytest.approx(
            difference / (2 * total / count), abs=1e-9
        )
