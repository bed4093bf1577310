"""The comparison of mechanisms on the same profiles: bounds, ratios, violations and regret."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.registry import load_auction
from agents.broker.first_best import everybody_at_her_own_budget, first_best
from agents.messages import Bids, Outcome
from agents.prior import OwnerPrior
from analysis.evaluation import FIRST_BEST, NO_BUDGET, SECOND_BEST, EvaluationSettings, evaluate, regret_profiles_for
from market_sim.campaign.workers import Workers

FEW = {"0.5": (0.5, 0.5), "2": (2.0, 2.0)}


@pytest.fixture(scope="module")
def table():
    auctions = {name: load_auction(name) for name in ("sequential-menu", "all-in")}
    settings = EvaluationSettings(profiles=40, factors=FEW, regret_profiles=5, queries=20)
    made = evaluate(auctions, settings=settings, workers=Workers(1)).table
    return made.set_index(["budget_factor", "auction"])


def test_every_mechanism_and_benchmark_has_a_row_per_budget_factor(table):
    names = ["sequential-menu", "all-in", FIRST_BEST, NO_BUDGET]
    assert list(table.index) == [(factor, name) for factor in FEW for name in names]


def test_no_auction_beats_the_first_best(table):
    for factor in FEW:
        for name in ("sequential-menu", "all-in"):
            assert table.loc[(factor, name), "over_first_best"] >= 1


def test_intervals_hold_the_mean_and_more_money_buys_a_lower_bound(table):
    assert ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all()
    for name in ("sequential-menu", "all-in", FIRST_BEST):
        assert table.loc[("2", name), "mean"] < table.loc[("0.5", name), "mean"]
    assert table.loc[("2", NO_BUDGET), "mean"] == table.loc[("0.5", NO_BUDGET), "mean"]


def test_exact_mechanisms_break_nothing(table):
    rows = table.xs("sequential-menu", level="auction")
    assert (rows["ir_violations"] == 0).all()
    assert (rows["budget_violations"] == 0).all()
    assert (rows["spent"] <= 1).all()


def test_all_in_is_its_own_benchmark(table):
    assert (table.xs("all-in", level="auction")["over_all_in"] == 1).all()


def test_regret_is_found_in_the_manipulable_one_only(table):
    for factor in FEW:
        assert table.loc[(factor, "sequential-menu"), "regret"] == 0
    assert table.loc[("0.5", "all-in"), "gain_per_payment"] > 0
    assert table.loc[("0.5", "all-in"), ["regret_profiles", "queries"]].tolist() == [5, 20]
    assert table.xs(FIRST_BEST, level="auction")["regret"].isna().all()


class Generous(Auction):
    """Buys everything of everybody for half of the cost, whatever the budget; deals with three owners at most."""

    name = "generous"
    guarantees = Guarantees(individually_rational=False, budget_feasible=False)
    max_owners = 3

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        cost = bids.cost(bids.privacy_budget, bids.data_size)
        return Outcome(privacy_loss=bids.privacy_budget, payment=cost / 2, data_size=bids.data_size)


def test_violations_are_counted_and_weighed():
    made = evaluate(
        {"generous": Generous()},
        settings=EvaluationSettings(owners=3, profiles=20, factors={"0.4": (0.4, 0.4)}, first_best=False),
    )
    row = made.table.iloc[0]
    assert (row["ir_violations"], row["ir_violation_rate"], row["ir_loss"]) == (60, 1.0, pytest.approx(1.0))
    assert (row["budget_violations"], row["budget_violation_rate"]) == (20, 1.0)
    assert row["spent"] == pytest.approx(0.5 / 0.4)


def test_who_refuses_the_owners_is_left_out_with_a_warning():
    both = {"generous": Generous(), "all-in": load_auction("all-in")}
    with pytest.warns(UserWarning, match="generous was made for at most 3 owners, not 4"):
        made = evaluate(both, settings=EvaluationSettings(owners=4, profiles=4, factors=FEW, first_best=False))
    assert set(made.table["auction"]) == {"all-in"}


def test_the_second_best_stands_beside_the_first_on_demand():
    made = evaluate(
        {}, OwnerPrior(sizes="zipf"), settings=EvaluationSettings(owners=3, profiles=4, factors=FEW, second_best=True)
    )
    means = made.table.set_index(["budget_factor", "auction"])["mean"]
    assert means["0.5", SECOND_BEST] > means["0.5", FIRST_BEST]


def test_regret_is_looked_for_on_fewer_profiles_of_more_owners():
    assert [regret_profiles_for(owners) for owners in (3, 10, 30, 100)] == [100, 100, 11, 4]
    assert regret_profiles_for(10, 2) == 2
    assert regret_profiles_for(100, 0) == 0


def test_too_few_profiles_are_refused():
    with pytest.raises(ValueError, match="profiles"):
        evaluate({}, settings=EvaluationSettings(profiles=1))
    with pytest.raises(ValueError, match="regret_profiles = 5"):
        evaluate({}, settings=EvaluationSettings(profiles=4, regret_profiles=5))


class RichOnly(Auction):
    """Buys everything of everybody, but nothing at all in markets with less than the median of all budgets."""

    name = "rich-only"
    guarantees = Guarantees(budget_feasible=False)

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        deals = (budget >= budget.median())[:, None]
        cost = bids.cost(bids.privacy_budget, bids.data_size)
        return Outcome(
            privacy_loss=torch.where(deals, bids.privacy_budget, 0.0),
            payment=torch.where(deals, cost, 0.0),
            data_size=torch.where(deals, bids.data_size, 0),
        )


def test_a_ratio_is_over_the_same_profiles_whatever_is_invalid():
    made = evaluate({"rich-only": RichOnly()}, settings=EvaluationSettings(profiles=20, factors=FEW)).table.set_index(
        ["budget_factor", "auction"]
    )
    types, budget = OwnerPrior(budget_factor=(2.0, 2.0)).sample(20, 10, torch.Generator().manual_seed(2022))
    dealt = budget >= budget.median()
    alone = everybody_at_her_own_budget(types)[dealt].mean() / first_best(types, budget).error_bound[dealt].mean()
    row = made.loc[("2", "rich-only")]
    assert row["invalid_rate"] == pytest.approx(0.45)
    assert row["over_first_best"] == pytest.approx(float(alone))
    assert row["over_first_best_low"] <= row["over_first_best"] <= row["over_first_best_high"]


def test_a_mechanism_without_a_valid_round_has_an_infinite_bound_and_no_interval():
    made = evaluate(
        {"posted-price": load_auction("posted-price")},
        settings=EvaluationSettings(profiles=4, factors={"0": (0.0, 0.0)}),
    )
    row = made.table.set_index("auction").loc["posted-price"]
    assert row["invalid_rate"] == 1
    assert row["mean"] == row["low"] == row["high"] == float("inf")
    assert row["over_first_best"] != row["over_first_best"]
