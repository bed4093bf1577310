"""The menu every exact mechanism ends in: whose favourite entry is chosen, at what price, with which ties."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.broker.auctions.base import (
    Auction,
    Guarantees,
    Menu,
    MenuAuction,
    check_budget,
    entry_utility,
    favourite,
    money_quantum,
)
from agents.messages import Bids, Outcome
from agents.surplus import surplus
from agents.valuation import ParametricValuation, TabulatedValuation

LEVELS = [0.0, 0.5, 1.0]


def menu(prices: list[list[float]], records: list[list[int]]) -> Menu:
    """One list per owner over "nothing" and the levels 0.5 and 1."""
    owners = len(prices)
    return Menu(
        privacy_loss=torch.tensor(LEVELS, dtype=torch.float64).expand(1, owners, 3),
        price=torch.tensor([[[0.0, *row] for row in prices]], dtype=torch.float64),
        records=torch.tensor([[[0, *row] for row in records]]),
    )


def linear(factors: list[float], budgets: list[float], sizes: list[int]) -> Bids:
    """Owners with the costs per record ``2 * factor * privacy loss``."""
    return Bids(
        valuation=ParametricValuation(family=[[0] * len(factors)], factor=[factors]),
        privacy_budget=[budgets],
        data_size=[sizes],
    )


def test_three_owners_choose():
    """The first takes the high level, the second may not and takes the low one, the third finds both too cheap."""
    offers = menu([[1.5, 3.0], [1.5, 3.0], [1.5, 3.0]], [[100, 100], [100, 100], [100, 100]])
    bids = linear([1.0, 1.0, 2.0], [1.0, 0.9, 1.0], [10, 20, 30])
    utility = offers.utility(bids)[0].tolist()
    assert utility == [[0.0, 5.0, 10.0], [0.0, 10.0, -math.inf], [0.0, -15.0, -30.0]]
    outcome = offers.choose(bids)
    assert outcome.privacy_loss.tolist() == [[1.0, 0.5, 0.0]]
    assert outcome.payment.tolist() == [[30.0, 30.0, 0.0]]
    assert outcome.data_size.tolist() == [[10, 20, 0]]


def test_a_cap_on_records_makes_the_cheaper_level_the_favourite():
    outcome = menu([[1.5, 3.0]], [[10, 4]]).choose(linear([1.0], [1.0], [10]))
    assert outcome.privacy_loss.tolist() == [[0.5]]
    assert outcome.payment.tolist() == [[15.0]]
    assert outcome.data_size.tolist() == [[10]]


def test_ties_go_to_selling_less():
    at_cost = menu([[1.0, 2.0]], [[10, 10]]).choose(linear([1.0], [1.0], [10]))
    assert at_cost.data_size.tolist() == [[0]]
    equal_gain = menu([[1.5, 2.5]], [[10, 10]]).choose(linear([1.0], [1.0], [10]))
    assert equal_gain.privacy_loss.tolist() == [[0.5]]


def test_who_is_absent_or_offered_no_record_sells_nothing():
    absent = menu([[9.0, 9.0]], [[10, 10]]).choose(linear([1.0], [1.0], [0]))
    not_asked = menu([[9.0, 9.0]], [[0, 0]]).choose(linear([1.0], [1.0], [10]))
    for outcome in (absent, not_asked):
        assert outcome.privacy_loss.tolist() == outcome.payment.tolist() == [[0.0]]
        assert outcome.data_size.tolist() == [[0]]


def test_beyond_the_last_level_of_her_table_nothing_is_for_sale():
    table = TabulatedValuation(levels=[0.5], cost=[[[1.0]]])
    bids = Bids(valuation=table, privacy_budget=[[1.0]], data_size=[[10]])
    offers = menu([[2.0, 1e9]], [[10, 10]])
    assert offers.utility(bids)[0, 0].tolist() == [0.0, 10.0, -math.inf]
    assert offers.choose(bids).privacy_loss.tolist() == [[0.5]]


@given(
    prices=st.lists(st.floats(0, 8), min_size=2, max_size=2),
    records=st.lists(st.integers(0, 50), min_size=2, max_size=2),
    factor=st.floats(0.1, 3),
    cap=st.floats(0, 2),
    size=st.integers(0, 60),
    misreport=st.tuples(st.floats(0, 3), st.floats(0, 1), st.integers(0, 60)),
)
def test_from_a_fixed_list_no_lie_pays_and_nobody_loses(prices, records, factor, cap, size, misreport):
    offers = menu([prices], [records])
    truth = linear([factor], [cap], [size])
    honest = worth(truth, offers.choose(truth))
    assert honest >= 0
    misreport = linear([misreport[0]], [misreport[1] * cap], [min(misreport[2], size)])
    assert worth(truth, offers.choose(misreport)) <= honest


def worth(truth: Bids, outcome: Outcome) -> float:
    return surplus(outcome.payment, outcome.data_size, truth.valuation.at(outcome.privacy_loss)).item()


class FixedPrices(MenuAuction):
    """Three per record at a privacy loss of 1, whoever asks."""

    name = "fixed-prices"
    guarantees = Guarantees(truthful_in=frozenset({"valuation"}), budget_feasible=False)

    def price_list(self, bids, budget):
        return menu([[0.0, 3.0]] * bids.shape[1], [[0, 5]] * bids.shape[1])


def test_a_menu_auction_runs_the_argmax_of_its_list():
    bids = linear([1.0, 2.0], [1.0, 1.0], [10, 10])
    outcome = FixedPrices().run(bids, [100.0])
    assert outcome.payment.tolist() == [[15.0, 0.0]]
    assert torch.equal(outcome.payment, FixedPrices().price_list(bids, [100.0]).choose(bids).payment)


@pytest.mark.parametrize(
    ("budget", "kind", "message"),
    [
        ([-1.0], ValueError, r"budget\[0\] = -1\.0: every value must be 0 or more"),
        ([math.nan], ValueError, r"budget\[0\] = nan: .*finite"),
        ([math.inf], ValueError, r"budget\[0\] = inf: .*finite"),
        ([1.0, 2.0], ValueError, r"budget has shape \[2\]; pass shape \[1\]"),
        (1.0, ValueError, r"budget has shape \[\]; pass shape \[1\]"),
        (torch.ones(1), TypeError, r"budget has dtype torch\.float32; pass float64"),
        ("much", TypeError, "budget"),
    ],
)
def test_a_bad_budget_is_refused(budget, kind, message):
    with pytest.raises(kind, match=message):
        FixedPrices().run(linear([1.0], [1.0], [10]), budget)


def test_bids_are_bids():
    with pytest.raises(TypeError, match=r"bids is a list; pass Bids, e\.g\. types\.truthful_bids\(\)"):
        FixedPrices().run([1.0], [1.0])


def test_a_budget_of_zero_is_legal():
    assert check_budget(linear([1.0], [1.0], [10]), [0.0]).tolist() == [0.0]


@pytest.mark.parametrize("name", ["truthful_in", "verified"])
def test_a_guarantee_is_about_a_field_of_the_bid(name):
    with pytest.raises(ValueError, match=rf"{name} = \['price'\]: pass fields out of \['data_size', 'privacy_budget'"):
        Guarantees(**{name: {"price"}})


def test_what_is_verified_cannot_be_lied_about():
    assert Guarantees(verified={"data_size"}).strategic == {"valuation", "privacy_budget"}


def test_an_auction_is_abstract_without_its_rule():
    with pytest.raises(TypeError, match="allocate"):
        Auction()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(1e-6, 1e12))
def test_sums_of_quanta_are_exact_in_any_order(parts, money):
    budget = torch.tensor([money], dtype=torch.float64)
    quantum = money_quantum(budget).item()
    share = money / len(parts)
    payments = [math.floor(part * share / quantum) * quantum for part in parts]
    sums = {sum(order) for order in itertools.permutations(payments)}
    assert len(sums) == 1
    assert sums.pop() == math.fsum(payments) <= money


def test_the_quantum_of_no_money_is_one():
    assert money_quantum(torch.zeros(2, dtype=torch.float64)).tolist() == [1.0, 1.0]


@example(price=3.37, ulps=4, size=39)
@given(price=st.floats(0.01, 100.0), ulps=st.integers(1, 6), size=st.integers(2, 200))
def test_where_price_and_cost_almost_meet_offering_fewer_records_does_not_pay(price, ulps, size):
    # Rounding every cost by itself would lend some smaller number of records the last digit.
    coarse = math.ldexp(round(math.ldexp(price, 20)), -20)
    cost = coarse
    for _ in range(ulps):
        cost = math.nextafter(cost, 0.0)
    curve = TabulatedValuation(levels=[0.5], cost=[[[cost]]])
    offers = menu([[coarse, 0.0]], [[size, 0]])
    true = Bids(valuation=curve, privacy_budget=[[0.5]], data_size=[[size]])
    earned = [worth(true, offers.choose(true.replace(data_size=[[said]]))) for said in range(1, size + 1)]
    assert earned[-1] > 0
    assert max(earned) == earned[-1]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["any", "coarse", "near ties", "tiny", "huge"]))
def test_the_favourite_is_the_entry_of_highest_exactly_rounded_utility(seed: int, kind: str) -> None:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        numbers = torch.rand(*shape, generator=generator, dtype=torch.float64)
        return (numbers * 4).round() / 4 if kind == "coarse" else numbers

    loss = torch.nn.functional.pad(drawn(2, 6, 5).cummax(-1).values, (1, 0))
    price, cost = drawn(2, 6, 6), drawn(2, 6, 6)
    if kind == "near ties":
        cost = price * (1 + (drawn(2, 6, 6) - 0.5) * 1e-15)
    scale = {"tiny": 2.0**-1060, "huge": 2.0**390}.get(kind, 1.0)
    cost = torch.where(drawn(2, 6, 6) < 0.05, torch.inf, cost * scale)
    records = (drawn(2, 6, 6) * 5).round().long()
    cap, size = drawn(2, 6), (drawn(2, 6) * 4).round().long()
    for each in (price, cost, records):
        each[..., 0] = 0
    level, sold, payment = favourite(loss, price * scale, records, cost, cap, size)
    best = entry_utility(loss, price * scale, records, cost, cap, size).argmax(-1)
    assert torch.equal(level, best)
    assert torch.equal(sold, torch.minimum(records.gather(-1, best[..., None])[..., 0], size))
    assert torch.equal(payment, (price * scale).gather(-1, best[..., None])[..., 0] * sold)
