from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.csra import CSRA
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


def test_three_owners_by_hand(market) -> None:
    # Weights 4, 2, 2 at 1, 1.5, 2 per unit; budget 11. One winner: 1.5 x 4 = 6 <= 11; two: 2 x 6 = 12 > 11.
    owners = market(size=[4, 2, 2], cost=[4, 3, 4])
    outcome = CSRA().run(owners.truthful_bids(), [11.0])
    assert outcome.payment[0].tolist() == [6, 0, 0]
    assert outcome.privacy_loss[0].tolist() == [0.5, 0, 0]
    assert owners.utility(outcome)[0].tolist() == [4, 0, 0]


def test_a_budget_of_exactly_enough_is_enough_and_one_always_loses(market) -> None:
    owners = market(size=[4, 2, 2], cost=[4, 3, 4])
    for budget in (12.0, 1000.0):
        outcome = CSRA().run(owners.truthful_bids(), [budget])
        assert outcome.payment[0].tolist() == [8, 4, 0]
        assert outcome.privacy_loss[0].tolist() == [1, 1, 0]


def test_nobody_sells_more_than_she_tolerates(market) -> None:
    # Weights 1, 2, 2: as published two winners would sell 1/(3 - 2) = 1 each.
    owners = market(size=[4, 2, 2], cap=[0.25, 1.0, 1.0], cost=[0.25, 3, 4])
    outcome = CSRA().run(owners.truthful_bids(), [100.0])
    assert outcome.privacy_loss[0].tolist() == [0.25, 1, 0]
    assert outcome.payment[0].tolist() == [2, 4, 0]


def test_who_has_no_cost_comes_first(market) -> None:
    outcome = CSRA().run(market(size=[1, 1, 1], cost=[5, 0, 7]).truthful_bids(), [8.0])
    assert outcome.payment[0].tolist() == [0, 5, 0]


def test_a_single_bidder_sells_nothing(market) -> None:
    assert not CSRA().run(market(size=[1], cost=[1]).truthful_bids(), [10.0]).sells.any()


def test_understating_the_cost_pays(market) -> None:
    # The second says 3 instead of 5, wins at the first's 4, and what she sells, a loss of 1/2, costs her 2.5.
    owners = market(size=[1, 1, 1], cost=[4, 5, 9])
    assert CSRA().run(owners.truthful_bids(), [6.0]).payment[0].tolist() == [5, 0, 0]
    lied = CSRA().run(market(size=[1, 1, 1], cost=[4, 3, 9]).truthful_bids(), [6.0])
    assert lied.payment[0].tolist() == [0, 4, 0]
    assert owners.utility(lied)[0, 1] == 1.5


def by_the_book(weight: list[int], cost: list[int], budget: int) -> tuple[list[Fraction], int] | None:
    """Payments and the number of winners, with the qualities as published; None where compared numbers are equal."""
    quality = [Fraction(w, sum(weight)) for w in weight]
    order = sorted(range(len(cost)), key=lambda i: (cost[i] / quality[i], i))
    winners: list[int] = []
    for count in range(1, len(cost)):
        after = order[count]
        needed = cost[after] / quality[after] * sum(quality[i] for i in order[:count])
        if needed == budget:
            return None
        if needed < budget:
            winners = order[:count]
    rate = cost[order[len(winners)]] / quality[order[len(winners)]] if winners else Fraction(0)
    return [rate * quality[i] if i in winners else Fraction(0) for i in range(len(cost))], len(winners)


owner = st.tuples(st.integers(1, 9), st.integers(0, 40))


@given(owners=st.lists(owner, min_size=1, max_size=6), budget=st.integers(1, 80))
def test_it_is_the_rule_in_exact_rationals(owners: list[tuple[int, int]], budget: int) -> None:
    weight, cost = (list(column) for column in zip(*owners, strict=True))
    expected = by_the_book(weight, cost, budget)
    if expected is None:
        return
    size = torch.tensor([weight])
    types = OwnerTypes(
        valuation=ParametricValuation(
            family=torch.zeros_like(size), factor=torch.tensor([cost], dtype=torch.float64) / (2 * size)
        ),
        privacy_budget=torch.ones(size.shape, dtype=torch.float64),
        data_size=size,
    )
    outcome = CSRA().run(types.truthful_bids(), [float(budget)])
    payment, winners = expected
    assert outcome.payment[0].tolist() == pytest.approx([float(money) for money in payment], rel=1e-13)
    assert outcome.privacy_loss[0].max().item() == (1 / (len(cost) - winners) if winners else 0)
