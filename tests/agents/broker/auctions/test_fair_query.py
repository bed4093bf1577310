from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.fair_query import FairQuery
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


def test_three_owners_by_hand(market) -> None:
    # Costs 2, 3, 9 for everything, caps 1, budget 5. One winner: 2 <= 5, loss 1/2. Two: 3 > 5/2. Paid min(5, 3).
    owners = market(size=[1, 1, 1], cost=[2, 3, 9])
    outcome = FairQuery().run(owners.truthful_bids(), [5.0])
    assert outcome.payment[0].tolist() == [3, 0, 0]
    assert outcome.privacy_loss[0].tolist() == [0.5, 0, 0]
    assert owners.utility(outcome)[0].tolist() == [2, 0, 0]


def test_two_winners_share_what_is_less_than_the_next_cost(market) -> None:
    # Two: 3 <= 7/2, loss 1/1. Paid min(3.5, 9).
    outcome = FairQuery().run(market(size=[1, 1, 1], cost=[2, 3, 9]).truthful_bids(), [7.0])
    assert outcome.payment[0].tolist() == [3.5, 3.5, 0]
    assert outcome.privacy_loss[0].tolist() == [1, 1, 0]


def test_money_for_everybody_leaves_one_out_all_the_same(market) -> None:
    outcome = FairQuery().run(market(size=[1, 1, 1], cost=[2, 3, 9]).truthful_bids(), [1000.0])
    assert outcome.payment[0].tolist() == [9, 9, 0]


def test_a_winner_who_tolerates_less_than_the_common_loss_ends_the_search(market) -> None:
    # Largest cap 4: one winner sells 4/2 = 2, two would sell 4, which the first (cap 3) does not tolerate.
    owners = market(size=[1, 1, 1], cap=[3.0, 4.0, 4.0], cost=[2, 3, 9])
    outcome = FairQuery().run(owners.truthful_bids(), [1000.0])
    assert outcome.privacy_loss[0].tolist() == [2, 0, 0]
    assert outcome.payment[0].tolist() == [3, 0, 0]


def test_one_bidder_with_next_to_no_privacy_budget_stops_the_trade(market) -> None:
    owners = market(size=[1, 1, 1], cap=[0.1, 1.0, 1.0], cost=[0.2, 3, 9])
    assert not FairQuery().run(owners.truthful_bids(), [1000.0]).sells.any()


def test_a_single_bidder_sells_nothing(market) -> None:
    assert not FairQuery().run(market(size=[1], cost=[1]).truthful_bids(), [10.0]).sells.any()


def test_of_equal_owners_the_first_come_first(market) -> None:
    outcome = FairQuery().run(market(size=[1, 1, 1, 1], cost=[2, 2, 2, 2]).truthful_bids(), [4.0])
    assert outcome.payment[0].tolist() == [2, 2, 0, 0]


def test_understating_the_cost_pays_although_it_is_published_as_truthful(market) -> None:
    # Budget 3.5: true bids sell the first owner. The second says 1 instead of 3 and is paid 2 for a loss of 1/2, which
    # costs her 1.5.
    owners = market(size=[1, 1, 1], cost=[2, 3, 9])
    assert FairQuery().run(owners.truthful_bids(), [3.5]).sells[0].tolist() == [True, False, False]
    lied = FairQuery().run(market(size=[1, 1, 1], cost=[2, 1, 9]).truthful_bids(), [3.5])
    assert lied.payment[0].tolist() == [0, 2, 0]
    assert owners.utility(lied)[0, 1] == 0.5


def test_understating_the_privacy_budget_pays(market) -> None:
    # Caps 2, 5, 1; the second's 5 sets a common loss of 2.5 for one winner; 5, for two, is more than the first
    # tolerates. Saying 2 makes room for two, and the price is then the third owner's cost.
    owners = market(size=[1, 1, 1], cap=[2.0, 5.0, 1.0], cost=[3, 2, 19])
    truthful = FairQuery().run(owners.truthful_bids(), [40.0])
    assert owners.utility(truthful)[0, 1] == pytest.approx(3 - 1)
    lied = FairQuery().run(market(size=[1, 1, 1], cap=[2.0, 2.0, 1.0], cost=[3, 0.8, 19]).truthful_bids(), [40.0])
    assert owners.utility(lied)[0, 1] == pytest.approx(19 - 0.8)


def by_the_book(cost: list[int], cap: list[int], budget: int) -> tuple[list[Fraction], Fraction] | None:
    """Payments and the common loss in exact rationals; None where two numbers that it compares are equal."""
    order = sorted(range(len(cost)), key=lambda i: (cost[i], i))
    winners: list[int] = []
    for place, owner in enumerate(order):
        losers = len(cost) - place - 1
        if losers == 0:
            break
        share, loss = Fraction(budget, place + 1), Fraction(max(cap), losers)
        if share == cost[owner]:
            return None
        if cost[owner] > share or loss > min(cap[i] for i in order[: place + 1]):
            break
        winners.append(owner)
    if not winners:
        return [Fraction(0)] * len(cost), Fraction(0)
    paid = min(Fraction(budget, len(winners)), Fraction(cost[order[len(winners)]]))
    losers = len(cost) - len(winners)
    return [paid if i in winners else Fraction(0) for i in range(len(cost))], Fraction(max(cap), losers)


owner = st.tuples(st.integers(0, 20), st.sampled_from([1, 2, 4, 8]))


@given(owners=st.lists(owner, min_size=1, max_size=6), budget=st.integers(1, 60))
def test_it_is_the_rule_in_exact_rationals(owners: list[tuple[int, int]], budget: int) -> None:
    cost, cap = (list(column) for column in zip(*owners, strict=True))
    expected = by_the_book(cost, cap, budget)
    if expected is None:
        return
    caps = torch.tensor([cap], dtype=torch.float64)
    types = OwnerTypes(
        valuation=ParametricValuation(
            family=torch.zeros(caps.shape, dtype=torch.int64), factor=torch.tensor([cost]).double() / (2 * caps)
        ),
        privacy_budget=caps,
        data_size=torch.ones(caps.shape, dtype=torch.int64),
    )
    outcome = FairQuery().run(types.truthful_bids(), [float(budget)])
    payment, loss = expected
    assert outcome.payment[0].tolist() == pytest.approx([float(money) for money in payment], rel=1e-13)
    assert outcome.privacy_loss[0].max().item() == pytest.approx(float(loss), rel=1e-15)
