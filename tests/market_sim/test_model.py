"""Rounds of a market: three owners by hand, and what holds in every market."""

from __future__ import annotations

import gc
import math
import pickle
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import pandas as pd
import pytest
import torch

import market_sim.counterfactual
import market_sim.model
from agents.broker.auctions.base import Auction, Guarantees
from agents.broker.auctions.leaky_menu import LeakyMenu
from agents.broker.auctions.sequential_menu import SequentialMenu
from agents.messages import Bids, Outcome, Upload
from agents.owner.groups import StrategyGroups
from agents.owner.identities import Identities
from agents.owner.owner import DataOwner
from agents.types import OwnerTypes
from market_sim import FLMarket, MarketConfig, error_bound, optimal_weights, run_market
from market_sim.counterfactual import PlayedRound
from market_sim.model import copied
from market_sim.results import ROUNDS, TRADES, Results

DEVIATORS = {
    "truthful": 0.4,
    "scaled-valuation": 0.2,
    "understated-privacy-budget": 0.1,
    "understated-data-size": 0.1,
    "random-misreport": 0.2,
}
SMALL: dict[str, Any] = {"owners": 30, "bidders": 8, "rounds": 4, "strategies": DEVIATORS}

Cast = Callable[..., FLMarket]


def played(market: FLMarket, rounds: int = 1) -> Results:
    for _ in range(rounds):
        market.step()
    return Results.of(market.tables(), {})


def by_owner(trades: pd.DataFrame, column: str) -> list[Any]:
    return trades.sort_values("owner")[column].tolist()


class TestThreeOwnersByHand:
    """All-in at a budget of 1 718.5: unit costs 1, 2 and 3, weights 237, 400 and 800."""

    def test_all_tell_the_truth(self, three_owners: Cast) -> None:
        # 1 <= 1718.5 / 237, 2 <= 1718.5 / 637 = 2.698, but 3 > 1718.5 / 1437: owners 0 and 1 share the budget.
        record = played(three_owners())
        paid = [1718.5 * 237 / 637, 1718.5 * 400 / 637, 0]
        assert by_owner(record.trades, "payment") == pytest.approx(paid, abs=1e-9)
        assert by_owner(record.trades, "records") == [237, 400, 0]
        assert by_owner(record.trades, "privacy_loss") == [1, 1, 0]
        assert by_owner(record.trades, "cost") == [237, 800, 0]
        assert by_owner(record.trades, "utility") == pytest.approx([paid[0] - 237, paid[1] - 800, 0], abs=1e-9)
        assert by_owner(record.trades, "truthful_utility") == by_owner(record.trades, "utility")
        assert by_owner(record.trades, "truthful") == [True] * 3
        assert record.trades["misreport_gain"].isna().all()
        (row,) = record.rounds.to_dict("records")
        assert row["budget"] == 1718.5
        assert row["spent"] == pytest.approx(1718.5)
        assert (row["bidders"], row["sellers"], row["invalid"], row["ir_violations"]) == (3, 2, False, 0)
        assert row["owner_surplus"] == pytest.approx(1718.5 - 1037)
        assert row["truthful_share"] == 1
        assert row["privacy_loss_mean"] == pytest.approx(2 / 3)
        # Sorted payments 0, a, b: Gini = 2 (2a + 3b) / (3 (a + b)) - 4/3.
        assert row["payment_gini"] == pytest.approx(2 * (2 * 237 + 3 * 400) / (3 * 637) - 4 / 3)
        assert math.isnan(row["misreport_gain_mean"])
        assert math.isnan(row["error_bound_first_best"])

    def test_owner_1_asks_too_much_and_regrets_it(self, three_owners: Cast) -> None:
        # At 3 a record she is refused, 3 > 1718.5 / 637, and so is owner 2: owner 0 gets everything.
        record = played(three_owners(["truthful", "scaled-valuation", "truthful"], value_of_accuracy=0.0))
        assert by_owner(record.trades, "payment") == pytest.approx([1718.5, 0, 0])
        assert by_owner(record.trades, "strategy") == ["truthful", "scaled-valuation", "truthful"]
        assert by_owner(record.trades, "reported_factor") == [0.5, 1.5, 1.5]
        assert by_owner(record.trades, "report_ratio") == [1, 1.5, 1]
        missed = 1718.5 * 400 / 637 - 800
        gain = record.trades.set_index("owner")["misreport_gain"]
        assert gain[1] == pytest.approx(-missed, abs=1e-9)
        assert gain.isna().tolist() == [owner != 1 for owner in gain.index]
        (row,) = record.rounds.to_dict("records")
        assert row["misreport_gain_mean"] == row["misreport_gain_max"] == gain[1]
        assert row["truthful_share"] == pytest.approx(2 / 3)
        assert row["payment_gini"] == pytest.approx(2 / 3)
        # One seller at privacy loss 1: variance 8; 1200 of 1437 records missing, twice over.
        assert row["error_bound"] == pytest.approx(8 + (2 * 1200 / 1437) ** 2)
        assert row["buyer_utility"] == pytest.approx(-1718.5)
        assert row["welfare"] == pytest.approx(-237)

    def test_owner_0_holds_back_records_and_the_bound_is_not_fooled(self, three_owners: Cast) -> None:
        # Reported sizes 118, 400, 800: weights are made from shares of 1 318, the bound from shares of 1 437.
        terms = {"clip": "record", "aggregation": "conventional"}
        market = three_owners(["understated-data-size", "truthful", "truthful"], **terms)
        record = played(market)
        assert by_owner(record.trades, "reported_data_size") == [118, 400, 800]
        assert by_owner(record.trades, "records") == [118, 400, 0]
        assert by_owner(record.trades, "report_ratio") == pytest.approx([118 / 237, 1, 1])
        weights = (118 / 518, 400 / 518)
        noise = 8 * (weights[0] ** 2 + weights[1] ** 2)
        off = 1 - 518 / 1437
        bias = off + abs(weights[0] - 118 / 1437) + abs(weights[1] - 400 / 1437)
        assert record.rounds["error_bound"][0] == pytest.approx(noise + bias**2)

    @pytest.mark.parametrize("clip", ["owner", "direction"])
    def test_clipping_owners_is_certain_of_whole_data_sets_only(self, three_owners: Cast, clip: str) -> None:
        market = three_owners(["understated-data-size", "truthful", "truthful"], clip=clip)
        record = played(market)
        # The broker believes that both sold everything: equal noise and small shares give half the weight to each.
        # In truth 118 of 237 records say nothing certain about owner 0: all she has is missing.
        assert record.rounds["error_bound"][0] == pytest.approx(8 / 2 + (2 * (1 - 400 / 1437)) ** 2)

    def test_what_is_verified_cannot_be_lied_about(self, three_owners: Cast) -> None:
        market = three_owners(["understated-data-size", "truthful", "truthful"], auction="proportional-share")
        record = played(market)
        assert by_owner(record.trades, "reported_data_size") == [237, 400, 800]
        assert by_owner(record.trades, "truthful") == [True] * 3

    def test_the_buyer_values_a_lower_bound(self, three_owners: Cast) -> None:
        record = played(three_owners(value_of_accuracy=2.0))
        (row,) = record.rounds.to_dict("records")
        # The poorest purchase: one seller without data at the least privacy budget of the prior, 0.5.
        worst = 8 / 0.5**2 + 4
        unit = three_owners().prior.units.money
        assert row["buyer_utility"] == pytest.approx(2.0 * unit * (worst - row["error_bound"]) - row["spent"])
        assert row["welfare"] == pytest.approx(row["buyer_utility"] + row["owner_surplus"])

    def test_the_full_bound_counts_the_noise_of_all_coordinates(self, three_owners: Cast) -> None:
        market = three_owners(["truthful", "scaled-valuation", "truthful"], error_bound="full")
        assert market.task.dimension == 440
        assert played(market).rounds["error_bound"][0] == pytest.approx(440 * 8 + (2 * 1200 / 1437) ** 2)

    def test_a_budget_of_zero_gives_an_invalid_round(self, three_owners: Cast) -> None:
        market = three_owners(["scaled-valuation", "truthful", "truthful"], budget_factor=0)
        record = played(market, 2)
        assert record.rounds["invalid"].tolist() == [True, True]
        assert record.rounds["error_bound"].tolist() == [math.inf] * 2
        assert record.rounds[["spent", "sellers", "buyer_utility"]].to_numpy().tolist() == [[0, 0, 0]] * 2
        assert record.rounds["test_accuracy"].nunique() == 1
        assert record.rounds["payment_gini"].isna().all()
        assert record.trades["misreport_gain"].dropna().tolist() == [0, 0]

    def test_agents_are_windows_on_the_arrays(self, three_owners: Cast) -> None:
        market = three_owners(["truthful", "scaled-valuation", "truthful"])
        market.step()
        owners = sorted(market.agents_by_type[DataOwner], key=lambda owner: owner.index)
        assert [owner.strategy for owner in owners] == ["truthful", "scaled-valuation", "truthful"]
        assert [owner.data_size for owner in owners] == [237, 400, 800]
        assert [owner.privacy_spent for owner in owners] == [1, 0, 0]
        assert [owner.earned for owner in owners] == pytest.approx([1718.5, 0, 0])
        assert [owner.utility for owner in owners] == pytest.approx([1718.5 - 237, 0, 0])
        assert all(owner.active for owner in owners)
        assert market.buyers[0].spent == pytest.approx(1718.5)


class TestLifetimeAllowance:
    """Every owner may spend 2.5 in all and sells 1 a round."""

    def test_owners_leave_before_it_is_exceeded(self, three_owners: Cast) -> None:
        market = three_owners(lifetime_allowance=2.5, budget_factor=50.0, rounds=5)
        record = played(market, 5)
        assert record.rounds["bidders"].tolist() == [3, 3, 3, 0, 0]
        assert record.rounds["invalid"].tolist() == [False, False, False, True, True]
        assert record.trades["privacy_budget"].tolist() == [1.0] * 6 + [0.5] * 3
        assert record.trades["privacy_spent"].tolist() == [1.0] * 3 + [2.0] * 3 + [2.5] * 3
        assert not any(owner.active for owner in market.agents_by_type[DataOwner])
        gone = record.rounds.iloc[-1]
        assert gone["error_bound"] == math.inf
        assert math.isnan(gone["truthful_share"])
        assert gone["budget"] == 0

    def test_it_is_kept_to_the_last_bit(self) -> None:
        config = MarketConfig(
            **{**SMALL, "auction": "all-in", "budget_factor": 2.0, "lifetime_allowance": 1.7, "rounds": 30}
        )
        trades = run_market(config, seed=3).trades
        assert trades["privacy_spent"].max() <= 1.7
        assert trades.groupby("owner")["privacy_loss"].sum().max() <= 1.7 + 1e-12


class Coin(Auction):
    """Flips a coin for every owner: heads, she sells everything for twice what she asks."""

    name: ClassVar[str] = "coin"
    guarantees: ClassVar[Guarantees] = Guarantees(budget_feasible=False)

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        heads = (torch.rand(bids.shape, generator=generator) < 0.5) & (budget > 0)[:, None]
        return Outcome(
            privacy_loss=torch.where(heads, bids.privacy_budget, 0.0),
            payment=torch.where(heads, 2 * bids.cost(bids.privacy_budget, bids.data_size), 0.0),
            data_size=torch.where(heads, bids.data_size, 0),
        )


class Greedy(Coin):
    """Sells more than was offered."""

    name: ClassVar[str] = "greedy"

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        return Outcome(
            privacy_loss=2 * bids.privacy_budget, payment=torch.zeros(bids.shape).double(), data_size=bids.data_size
        )


RULES = ("sequential-menu", "all-in", "proportional-share", "leaky-menu")


class MyLeaky(LeakyMenu):
    """The planted cheat, not admitting that it is one."""

    planted: ClassVar[bool] = False


class Blunt(SequentialMenu):
    """Has honest price lists and does not use them."""

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        return LeakyMenu().run(bids, budget)


def some_stay_away(bid: Callable[..., Bids]) -> Callable[..., Bids]:
    """Bid as ever, but every third bidder offers no record at all."""

    def staying_away(*args: Any) -> Bids:
        bids = bid(*args)
        return bids.replace(data_size=torch.where(torch.arange(bids.shape[1]) % 3 == 1, 0, bids.data_size))

    return staying_away


class TestCounterfactual:
    """What the truth would have brought is what a rerun brings."""

    @pytest.mark.parametrize("rerun_all_up_to", [1 << 14, 0])
    @pytest.mark.parametrize("auction", [*RULES, "sequential-menu-verified", "pay-as-bid", "fixed-share", "my-leaky"])
    def test_live_gain_equals_a_full_rerun(
        self, auction: str, rerun_all_up_to: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(market_sim.counterfactual, "RERUN_ALL_UP_TO", rerun_all_up_to)
        monkeypatch.setattr(StrategyGroups, "bid", some_stay_away(StrategyGroups.bid))
        rounds: list[tuple[OwnerTypes, Bids, torch.Tensor]] = []
        real = market_sim.round.PlayedRound

        def spy(types: OwnerTypes, identities: Identities, bids: Bids, *args: Any, **kwargs: Any) -> PlayedRound:
            rounds.append((types, bids, kwargs["budget"]))
            return real(types, identities, bids, *args, **kwargs)

        monkeypatch.setattr(market_sim.round, "PlayedRound", spy)
        market = FLMarket(auction=MyLeaky() if auction == "my-leaky" else auction, seed=1, **SMALL)
        trades = played(market, 4).trades
        rule = copied(market.broker.auction)
        rule.recall = None  # What is compared with was not asked for before.
        deviators = absent = 0
        # A rule that is asked ahead sees every round twice.
        for index, (types, bids, budget) in enumerate(rounds[:: len(rounds) // 4]):
            rows = trades[trades["round"] == index]
            for place in range(8):
                here = torch.arange(8)[None] == place
                told = types.truthful_bids().where(here, bids)
                truth = types.utility(rule.run(told, budget))[0, place].item()
                assert rows["truthful_utility"].iloc[place] == truth
                gain = rows["misreport_gain"].iloc[place]
                if rows["truthful"].iloc[place]:
                    assert math.isnan(gain)
                else:
                    deviators += 1
                    absent += int(rows["reported_data_size"].iloc[place] == 0)
                    assert gain == rows["utility"].iloc[place] - rows["truthful_utility"].iloc[place]
        sizes_known = auction in ("proportional-share", "sequential-menu-verified")
        assert absent == 0 if sizes_known else absent > 3
        assert deviators > absent or auction == "proportional-share"

    @pytest.mark.parametrize("rerun_all_up_to", [1 << 14, 0])
    def test_a_menu_is_not_believed_because_it_does_not_call_itself_planted(
        self, rerun_all_up_to: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(market_sim.counterfactual, "RERUN_ALL_UP_TO", rerun_all_up_to)
        shares = {"truthful": 0.4, "understated-data-size": 0.6}
        planted, claimed = (
            played(FLMarket(auction=auction, seed=1, **{**SMALL, "strategies": shares}), 4).rounds["misreport_gain_max"]
            for auction in ("leaky-menu", MyLeaky())
        )
        assert claimed.tolist() == planted.tolist()
        assert claimed.max() > 0

    def test_a_menu_whose_outcome_is_not_its_own_choice_is_rerun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shares = {"understated-data-size": 1.0}
        gains = []
        for rerun_all_up_to in (1 << 14, 0):
            monkeypatch.setattr(market_sim.counterfactual, "RERUN_ALL_UP_TO", rerun_all_up_to)
            gains.append(played(FLMarket(auction=Blunt(), seed=1, **{**SMALL, "strategies": shares}), 2).trades)
        pd.testing.assert_frame_equal(*gains)

    def test_reruns_in_pieces_are_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        at_once = played(FLMarket(auction="all-in", **SMALL, seed=0), 2).trades
        monkeypatch.setattr("market_sim.counterfactual.ENTRIES_AT_ONCE", 1)
        pd.testing.assert_frame_equal(played(FLMarket(auction="all-in", **SMALL, seed=0), 2).trades, at_once)

    def test_a_lottery_draws_the_same_for_lie_and_truth(self) -> None:
        trades = played(
            FLMarket(auction=Coin(), **{**SMALL, "strategies": {"scaled-valuation": 1.0}}, seed=0), 4
        ).trades
        heads = trades["records"] > 0
        assert 0.2 < heads.mean() < 0.8
        # Asking half as much again, she is paid three times her cost for heads instead of twice, and nothing for tails;
        # a second toss would give one of them for the lie and the other for the truth.
        assert trades["truthful_utility"][heads].tolist() == pytest.approx(trades["cost"][heads].tolist())
        assert trades["misreport_gain"][heads].tolist() == pytest.approx(trades["cost"][heads].tolist())
        assert (trades["truthful_utility"][~heads] == 0).all()
        assert (trades["misreport_gain"][~heads] == 0).all()

    def test_no_lie_pays_in_the_sequential_menu(self) -> None:
        config = {**SMALL, "owners": 100, "bidders": 50, "strategies": {"truthful": 0.1, "random-misreport": 0.9}}
        trades = played(FLMarket(**config, seed=0), 4).trades
        assert trades["misreport_gain"].max() <= 0
        assert trades["misreport_gain"].min() < 0


class TestPairing:
    """A lying and a truthful run share everything that is random."""

    def test_lies_move_no_other_stream(self) -> None:
        lying, truthful = (
            played(FLMarket(seed=5, **{**SMALL, "strategies": shares}), 4) for shares in (DEVIATORS, {"truthful": 1.0})
        )
        for column in ("owner", "family", "factor", "privacy_budget", "data_size"):
            assert lying.trades[column].tolist() == truthful.trades[column].tolist()
        assert lying.rounds["budget"].tolist() == truthful.rounds["budget"].tolist()
        assert (~lying.trades["truthful"]).sum() > 10

    def test_the_same_sale_gives_the_same_upload_whoever_lies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        uploads: list[Upload] = []
        sales = []
        for shares in (DEVIATORS, {"truthful": 1.0}):
            market = FLMarket(seed=5, auction="pay-as-bid", budget_factor=3.0, **{**SMALL, "strategies": shares})
            watched = market.broker.aggregate

            def aggregate(*args: Any, watched: Callable[..., Any] = watched) -> Any:
                uploads.append(args[-1])
                return watched(*args)

            monkeypatch.setattr(market.broker, "aggregate", aggregate)
            sales.append(played(market).trades)
        honest = sales[0].index[sales[0]["truthful"]].tolist()
        assert 2 <= len(honest) <= 6
        for place in honest:
            assert sales[0]["privacy_loss"][place] == sales[1]["privacy_loss"][place] > 0
            lying, truthful = (upload.gradient[(upload.bidder == place).nonzero().item()] for upload in uploads)
            assert torch.allclose(lying, truthful, rtol=1e-4, atol=1e-4)

    def test_another_buyer_moves_nothing_of_the_first_ones(self) -> None:
        alone, together = (played(FLMarket(seed=5, buyers=buyers, **SMALL), 3) for buyers in (1, 2))
        first = together.trades[together.trades["buyer"] == 0].reset_index(drop=True)
        of_both_buyers = ["privacy_spent", "privacy_total"]
        pd.testing.assert_frame_equal(first.drop(columns=of_both_buyers), alone.trades.drop(columns=of_both_buyers))

    def test_every_buyer_draws_for_herself(self) -> None:
        market = FLMarket(
            buyers=2, **{**SMALL, "budgets": "independent", "strategies": {"random-misreport": 1.0}}, seed=0
        )
        record = played(market, 3)
        budgets = record.rounds.pivot(index="round", columns="buyer", values="budget")
        assert (budgets[0] != budgets[1]).all()
        first, second = (record.trades[record.trades["buyer"] == buyer].reset_index(drop=True) for buyer in (0, 1))
        assert (first["owner"] != second["owner"]).all()
        # Of the same places the strategy's draws differ too: what is said, as a share of the truth.
        assert (first["report_ratio"] != second["report_ratio"]).all()

    def test_an_owner_serves_one_buyer_at_a_time(self) -> None:
        trades = played(FLMarket(buyers=3, **SMALL, seed=0), 4).trades
        assert trades.groupby("round")["owner"].nunique().tolist() == [24] * 4

    def test_the_order_of_bidders_is_random(self) -> None:
        trades = played(FLMarket(**{**SMALL, "owners": 8}, seed=0), 4).trades
        orders = {tuple(order) for _, order in trades.groupby("round")["owner"]}
        assert len(orders) == 4
        assert all(sorted(order) == list(range(8)) for order in orders)


class TestMesa:
    """The model keeps Mesa's manners."""

    def test_tables_and_model_variables_hold_the_rows_recorded(self) -> None:
        market = FLMarket(buyers=2, **SMALL, seed=0)
        record = played(market, 3)
        rounds = market.datacollector.get_table_dataframe("rounds")
        trades = market.datacollector.get_table_dataframe("trades")
        assert list(rounds.columns) == ROUNDS.names
        assert list(trades.columns) == TRADES.names
        assert len(rounds) == 6
        assert trades["utility"].tolist() == record.trades["utility"].tolist()
        variables = market.datacollector.get_model_vars_dataframe()
        assert variables["spent"].tolist() == record.rounds.groupby("round")["spent"].mean().tolist()
        assert variables["error_bound_first_best"].isna().all()

    def test_it_stops_running_after_the_last_round(self) -> None:
        market = FLMarket(**SMALL, seed=0)
        market.run_model()
        assert not market.running
        assert market.round == 4

    def test_a_pickled_model_goes_on_as_the_original(self) -> None:
        market = FLMarket(**SMALL, seed=0)
        market.step()
        copy = pickle.loads(pickle.dumps(market))
        pd.testing.assert_frame_equal(played(copy, 2).trades, played(market, 2).trades)

    def test_a_model_that_nobody_needs_is_freed(self) -> None:
        market = FLMarket(**SMALL, seed=0)
        market.step()
        gone = weakref.ref(market)
        del market
        gc.collect()
        assert gone() is None


def test_a_rule_that_sells_more_than_was_offered_is_stopped_before_money_moves() -> None:
    market = FLMarket(auction=Greedy(), **SMALL, seed=0)
    with pytest.raises(ValueError, match=r"auction 'greedy' sells privacy loss .* of bidder 0, .* in round 0"):
        market.step()
    assert market.buyers[0].spent == 0
    assert market.tables()["rounds"]["round"] == []


def test_one_owner_is_a_market() -> None:
    record = played(FLMarket(owners=1, bidders=1, seed=0), 3)
    assert record.rounds["sellers"].tolist() == [1, 1, 1]


def test_first_best_is_searched_on_request(three_owners: Cast) -> None:
    record = played(three_owners(first_best=True))
    assert 0 < record.rounds["error_bound_first_best"][0] <= record.rounds["error_bound"][0]


def test_optimal_weights_are_made_from_reported_sizes_and_the_bound_from_true_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields = {
        **SMALL,
        "perturbation": "laplace",
        "clip": "record",
        "clip_norm": 3.0,
        "privacy_budget": (5.0, 20.0),
        "budget_factor": 1.0,
    }
    market = FLMarket(
        auction="all-in", **{**fields, "strategies": {"truthful": 0.5, "understated-data-size": 0.5}}, seed=0
    )
    weights = []
    aggregate = market.broker.aggregate

    def overheard(given: torch.Tensor, *rest: Any) -> Any:
        weights.append(given)
        return aggregate(given, *rest)

    monkeypatch.setattr(market.broker, "aggregate", overheard)
    record = played(market)
    trades = record.trades
    variance = market.terms.variance(torch.tensor([trades["privacy_loss"].tolist()]).double())
    bought = torch.tensor([trades["records"].tolist()]).double()
    said, true = (bought / int(trades[column].sum()) for column in ("reported_data_size", "data_size"))
    assert torch.equal(weights[0], optimal_weights(variance, said, bias_scale=3.0))
    for other in (optimal_weights(variance, true, bias_scale=3.0), optimal_weights(variance, said, bias_scale=1.0)):
        assert not torch.allclose(weights[0], other, atol=1e-6)
    bound = float(error_bound(weights[0], variance, true, bias_scale=3.0))
    assert record.rounds["error_bound"][0] == pytest.approx(bound)
    assert bound != pytest.approx(float(error_bound(weights[0], variance, said, bias_scale=3.0)))


def test_the_first_best_counts_the_coordinates_that_the_bound_counts(three_owners: Cast) -> None:
    record = played(three_owners(first_best=True, error_bound="full", clip_norm=0.5))
    (row,) = record.rounds.to_dict("records")
    # With everything bought at privacy loss 1 and the best weights, noise alone of 440 coordinates is this much:
    minimum = 440 * 8 * 0.25 / 3
    assert minimum < row["error_bound_first_best"] <= row["error_bound"]


def test_first_best_of_nobody_is_infinite(three_owners: Cast) -> None:
    market = three_owners(lifetime_allowance=1.0, budget_factor=50.0, first_best=True)
    assert played(market, 2).rounds["error_bound_first_best"][1] == math.inf


@pytest.mark.parametrize("aggregation", ["optimal", "conventional", "variance"])
@pytest.mark.parametrize("perturbation", ["laplace", "privunit", "none"])
@pytest.mark.parametrize("clip", ["record", "owner", "direction"])
def test_every_way_to_learn_runs(aggregation: str, perturbation: str, clip: str) -> None:
    market = FLMarket(aggregation=aggregation, perturbation=perturbation, clip=clip, **SMALL, seed=0)
    record = played(market, 2)
    assert record.rounds["error_bound"].between(0, 1e4).all()
    assert record.rounds["test_loss"].between(0, 100).all()
    assert record.rounds["ir_violations"].sum() == 0


def test_without_noise_the_market_learns() -> None:
    market = FLMarket(perturbation="none", auction="all-in", budget_factor=2.0, owners=30, bidders=10, seed=0)
    assert played(market, 30).rounds["test_accuracy"].iloc[-1] > 0.75
