"""What lies are found to gain: nothing where they cannot, what they gain by hand where they can."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.parts.lottery import Lottery
from agents.broker.auctions.registry import load_auction
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from agents.types import OwnerTypes
from agents.valuation import ParametricValuation
from analysis.regret import found_regret


@pytest.fixture(scope="module")
def profiles():
    return OwnerPrior().sample(12, 4, torch.Generator().manual_seed(0))


def linear(factor: list[list[float]], size: list[list[int]]) -> OwnerTypes:
    return OwnerTypes(
        valuation=ParametricValuation(
            family=torch.zeros(len(factor), len(factor[0]), dtype=torch.int64), factor=torch.tensor(factor).double()
        ),
        privacy_budget=torch.ones(len(factor), len(factor[0])).double(),
        data_size=torch.tensor(size),
    )


class AskAndGet(Auction):
    """Everybody sells all she has and is paid what she names, 10 at most."""

    name = "ask-and-get"
    guarantees = Guarantees(verified=frozenset({"privacy_budget", "data_size"}))

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        asked = bids.cost(bids.privacy_budget, bids.data_size)
        sells = (asked <= 10) & bids.present
        return Outcome(
            privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
            payment=torch.where(sells, asked, 0.0),
            data_size=torch.where(sells, bids.data_size, 0),
        )


class HalfTheTime(AskAndGet):
    """The same, where everybody is let in by the toss of a coin."""

    name = "half-the-time"

    def lottery(self, bids: Bids, budget: torch.Tensor) -> Lottery:
        sure = self.allocate(bids, budget, None)
        halves = torch.full((*bids.shape, 2), 0.5, dtype=torch.float64)
        halves[~sure.sells] = torch.tensor([1.0, 0.0], dtype=torch.float64)
        pad = torch.nn.functional.pad
        return Lottery(
            privacy_loss=pad(sure.privacy_loss[..., None], (1, 0)),
            payment=pad(sure.payment[..., None], (1, 0)),
            records=pad(sure.data_size[..., None], (1, 0)),
            probability=halves,
        )


def test_lies_that_pay_are_found_and_counted_by_hand():
    # Costs 2 and 8; whoever names 10 is paid 10: gains of 8 and 2, nearly found by trying.
    types, budget = linear([[1.0, 4.0]], [[1, 1]]), torch.tensor([100.0]).double()
    found = found_regret(AskAndGet(), types, budget, 400)
    assert found["regret"] == pytest.approx((8 / 2 + 2 / 8) / 2, rel=0.03)
    assert found["gain_per_payment"] == pytest.approx((8 + 2) / (2 + 8), rel=0.03)
    assert found["gain_per_own_cost"] == found["regret"]  # they sell all they have
    assert found["regret"] <= (8 / 2 + 2 / 8) / 2  # a search never finds too much
    assert found["worst_gain"] == pytest.approx(8 / 2, rel=0.03)
    assert found["gaining_rate"] == 1
    assert (found["regret_profiles"], found["queries"]) == (1, 400)


def test_a_lottery_counts_by_its_expectation():
    # Half of everything, so that gains over costs and payments are what they were.
    types, budget = linear([[1.0, 4.0]], [[1, 1]]), torch.tensor([100.0]).double()
    sure, drawn = (found_regret(rule(), types, budget, 100, seed=3) for rule in (AskAndGet, HalfTheTime))
    for figure in ("regret", "gain_per_payment"):
        assert drawn[figure] == pytest.approx(sure[figure])
    assert drawn["gain_per_own_cost"] == pytest.approx(sure["gain_per_own_cost"] / 2)


@pytest.mark.parametrize("name", ["sequential-menu", "proportional-share"])
def test_nothing_is_found_where_no_lie_pays(name, profiles):
    found = found_regret(load_auction(name, OwnerPrior()), *profiles, 40)
    assert found["regret"] == found["gain_per_payment"] == found["worst_gain"] == 0
    assert found["regret_low"] == found["regret_high"] == 0


@pytest.mark.parametrize("name", ["all-in", "fair-query", "pay-as-bid", "leaky-menu", "fixed-share"])
def test_what_can_be_gamed_is_found_out_even_behind_a_price_list(name, profiles):
    found = found_regret(load_auction(name, OwnerPrior()), *profiles, 40)
    assert found["gain_per_payment"] > 0.01
    assert found["regret_low"] <= found["regret"] <= found["regret_high"]


def test_more_queries_find_more_and_the_seed_fixes_them(profiles):
    few, more, again = (found_regret(load_auction("all-in"), *profiles, count, seed=5) for count in (8, 80, 80))
    assert few["gain_per_payment"] < more["gain_per_payment"]
    assert more == again


def test_where_nobody_sells_there_is_no_regret_to_speak_of(profiles):
    types, budget = profiles
    found = found_regret(load_auction("posted-price"), types, torch.zeros_like(budget), 5)
    assert found["regret"] != found["regret"]
    assert found["gain_per_payment"] == found["gain_per_own_cost"] == 0


def test_absent_owners_and_empty_markets_gain_nothing(profiles):
    types, budget = profiles
    nobody = replace(types, data_size=torch.zeros_like(types.data_size))
    found = found_regret(load_auction("all-in"), nobody, budget, 5)
    assert (found["gaining_rate"], found["gaining_rate_low"], found["gaining_rate_high"]) == (0, 0, 1)
    assert (found["gain_per_payment"], found["gain_per_payment_high"]) == (0, 0)
    assert found["regret"] != found["regret"]


def test_of_twelve_profiles_without_a_gain_a_fifth_of_all_may_have_one(profiles):
    """The rule of three: if 1 - 0.05^(1/12) of all profiles had one, twelve would miss it in 5 % of the cases."""
    found = found_regret(load_auction("sequential-menu"), *profiles, 5)
    assert (found["gaining_rate"], found["gaining_rate_low"]) == (0, 0)
    assert found["gaining_rate_high"] == pytest.approx(1 - 0.05 ** (1 / 12))
    assert (found["regret"], found["regret_low"], found["regret_high"]) == (0, 0, 0)


def test_bad_input_is_refused(profiles):
    with pytest.raises(ValueError, match="queries = 0"):
        found_regret(load_auction("all-in"), *profiles, 0)
