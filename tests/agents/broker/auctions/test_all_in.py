from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.broker.auctions.all_in import AllIn
from agents.messages import Outcome
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation


def paid(outcome: Outcome) -> list[float]:
    return outcome.payment[0].tolist()


def test_three_owners_by_hand(market) -> None:
    # weights 4, 2, 2 and unit costs 1, 2, 1.5; budget 12. First is admitted (1 <= 12/4), third (1.5 <= 12/6),
    # second refused (2 > 12/8); 12/6 = 2 per unit of weight.
    owners = market(size=[4, 2, 2], cost=[4, 4, 3])
    outcome = AllIn().run(owners.truthful_bids(), [12.0])
    assert paid(outcome) == [8, 0, 4]
    assert outcome.privacy_loss[0].tolist() == [1, 0, 1]
    assert outcome.data_size[0].tolist() == [4, 0, 2]
    assert owners.utility(outcome)[0].tolist() == [4, 0, 1]


def test_it_goes_on_past_a_failure(market) -> None:
    # Unit costs 1, 2, 2.5 and weights 1, 5, 1; budget 6: 1 <= 6 yes, 2 <= 1 no, 2.5 <= 3 yes.
    owners = market(size=[1, 5, 1], cost=[1, 10, 2.5])
    assert paid(AllIn().run(owners.truthful_bids(), [6.0])) == [3, 0, 3]


def test_a_weight_is_size_times_privacy_budget(market) -> None:
    owners = market(size=[4, 2, 2], cap=[0.5, 1.0, 2.0], cost=[2, 2, 4])
    outcome = AllIn().run(owners.truthful_bids(), [16.0])
    assert paid(outcome) == [4, 4, 8]
    assert outcome.privacy_loss[0].tolist() == [0.5, 1.0, 2.0]


def test_the_published_claim_of_truthfulness_fails_on_two_owners(market) -> None:
    # Weights 5 and 1, costs 10 and 2.5, budget 11. True bids: the second earns nothing. She says 1 and is paid 11.
    owners = market(size=[5, 1], cost=[10, 2.5])
    assert paid(AllIn().run(owners.truthful_bids(), [11.0])) == [11, 0]
    lied = AllIn().run(market(size=[5, 1], cost=[10, 1]).truthful_bids(), [11.0])
    assert paid(lied) == [0, 11]
    assert owners.utility(lied)[0, 1] == 8.5


def test_the_published_claim_fails_on_equal_weights_too(market) -> None:
    # Costs 4 and 5, weights 2, budget 6: the second reports 2 instead of 5 and gains 1.
    owners = market(size=[2, 2], cost=[4, 5])
    assert paid(AllIn().run(owners.truthful_bids(), [6.0])) == [6, 0]
    lied = AllIn().run(market(size=[2, 2], cost=[4, 2]).truthful_bids(), [6.0])
    assert owners.utility(lied)[0, 1] == 1


def test_it_declares_what_the_paper_claims_and_says_that_it_is_refuted() -> None:
    assert AllIn.guarantees.truthful_in == {"valuation"}
    assert AllIn.refuted


def by_the_book(weight: list[int], cost: list[int], budget: int) -> list[Fraction] | None:
    """The rule in exact rationals; None where two numbers that it compares are equal."""
    unit = [Fraction(c, w) for c, w in zip(cost, weight, strict=True)]
    admitted: list[int] = []
    for owner in sorted(range(len(unit)), key=lambda i: (unit[i], i)):
        limit = Fraction(budget, sum(weight[i] for i in admitted) + weight[owner])
        if unit[owner] == limit:
            return None
        if unit[owner] < limit:
            admitted.append(owner)
    total = sum(weight[i] for i in admitted)
    return [Fraction(budget * weight[i], total) if i in admitted else Fraction(0) for i in range(len(unit))]


owner = st.tuples(st.integers(1, 9), st.integers(0, 40))


@given(owners=st.lists(owner, min_size=1, max_size=6), budget=st.integers(0, 60))
def test_it_is_the_rule_in_exact_rationals(owners: list[tuple[int, int]], budget: int) -> None:
    weight, cost = (list(column) for column in zip(*owners, strict=True))
    expected = by_the_book(weight, cost, budget)
    if expected is None:
        return
    size = torch.tensor([weight])
    factor = torch.tensor([cost], dtype=torch.float64) / (2 * size)
    types = OwnerTypes(
        valuation=ParametricValuation(family=torch.zeros_like(size), factor=factor),
        privacy_budget=torch.ones(size.shape, dtype=torch.float64),
        data_size=size,
    )
    outcome = AllIn().run(types.truthful_bids(), [float(budget)])
    assert paid(outcome) == pytest.approx([float(money) for money in expected], rel=1e-13)
