"""Markets of owners who learn, copy, collude, split themselves and cheat on noise."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
import torch
from mesa.discrete_space import Network

from agents.messages import Bids, Outcome
from agents.owner.owner import DataOwner
from agents.owner.strategies.base import MarketView, RoundResult, Strategy
from agents.owner.strategies.best_response import BestResponse
from agents.owner.strategies.registry import list_strategies
from agents.owner.strategies.truthful import Truthful
from agents.types import OwnerTypes
from market_sim import FLMarket, MarketConfig, run_market
from tests.market_sim.playing import PerHead, played

Cast = Callable[..., FLMarket]
SMALL: dict[str, Any] = {"owners": 20, "bidders": 8, "rounds": 6, "task": "synthetic", "task_options": {"features": 3}}


class TestSplittingByHand:
    """Three owners with costs 237, 800 and 2 400 and a budget of 1 718.5, a third of which is 572.83."""

    SPLIT = ("identity-splitting", "truthful", "truthful")

    def test_who_comes_twice_is_paid_twice(self, three_owners: Cast) -> None:
        record = played(three_owners(self.SPLIT, auction=PerHead()))
        (row,) = record.trades[record.trades["owner"] == 0].to_dict("records")
        assert (row["records"], row["data_size"], row["reported_data_size"]) == (237, 237, 237)
        assert row["payment"] == 2 * 1718.5 / 4
        # Both names share her privacy budget of 1, at 1 money a record: half of it costs half.
        assert row["cost"] == row["reported_cost"] == pytest.approx(237 / 2)
        assert row["utility"] == pytest.approx(2 * 1718.5 / 4 - 237 / 2)
        # One honest identity among three would have been paid a third.
        assert row["truthful_utility"] == pytest.approx(1718.5 / 3 - 237)
        assert row["misreport_gain"] == pytest.approx(1718.5 / 6 + 237 / 2)
        assert row["truthful"] is False
        # Her data set is one: the privacy losses of two uploads add up to no more than the budget that they share.
        assert row["privacy_loss"] == row["privacy_spent"] == pytest.approx(1.0)
        assert max(row["privacy_spent"], row["reported_privacy_budget"]) <= 1.0
        assert row["report_ratio"] == pytest.approx(1.0)
        assert record.rounds["sellers"].tolist() == [2]
        assert record.rounds["bidders"].tolist() == [3]
        assert record.rounds["spent"].tolist() == [2 * 1718.5 / 4]
        assert len(record.trades) == 3

    @pytest.mark.parametrize("rerun_all_up_to", [1 << 14, 0])
    @pytest.mark.parametrize("auction", ["sequential-menu", "pay-as-bid", "sequential-menu-verified"])
    def test_a_lone_splitter_is_compared_with_the_market_of_truthful_owners(
        self, auction: str, rerun_all_up_to: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("market_sim.counterfactual.RERUN_ALL_UP_TO", rerun_all_up_to)
        fields = {**SMALL, "bidders": 20, "auction": auction, "seed": 2}
        honest = played(FLMarket(**fields)).trades
        split = played(FLMarket(**fields, strategies={Lone: 0.05, "truthful": 0.95})).trades
        assert split["owner"].tolist() == honest["owner"].tolist()
        (place,) = split.index[split["strategy"] == "lone"].tolist()
        assert split["truthful_utility"][place] == pytest.approx(honest["utility"][place], rel=1e-9, abs=1e-9)
        assert split["records"][place] <= split["data_size"][place]

    def test_no_more_than_a_split_is_recorded_of_a_single_record(self, three_owners: Cast) -> None:
        market = three_owners(self.SPLIT, auction=PerHead())
        types = market.population.types
        market.population.types = OwnerTypes(types.valuation, types.privacy_budget, torch.tensor([[1, 400, 800]]))
        assert played(market).trades["truthful"].all()


class Lone(Truthful):
    """Splits herself in two, as nobody else does."""

    name: ClassVar[str] = "lone"

    def identities(self, view: MarketView, types: OwnerTypes) -> torch.Tensor:
        return torch.stack([types.data_size[0] - types.data_size[0] // 2, types.data_size[0] // 2])


class TestExtraNoiseByHand:
    """Everybody sells at privacy loss 1; owner 0 uploads with a half."""

    def test_money_stays_and_the_bound_tells_the_truth(self, three_owners: Cast) -> None:
        fields = {"budget_factor": 3.0, "aggregation": "variance"}
        honest = played(three_owners(**fields))
        record = played(three_owners(["extra-noise", "truthful", "truthful"], **fields))
        for column in ("utility", "payment", "privacy_loss", "truthful_utility"):
            assert record.trades[column].tolist() == honest.trades[column].tolist()
        assert record.trades["truthful"].all()
        assert record.trades["misreport_gain"].isna().all()
        spent = record.trades.set_index("owner")["privacy_spent"]
        assert spent.sort_index().tolist() == [0.5, 1.0, 1.0]
        # Weights of a third each; a privacy loss of a half has a variance of 32 instead of 8.
        assert record.rounds["error_bound"][0] - honest.rounds["error_bound"][0] == pytest.approx((32 - 8) / 9)


class TestCollusion:
    def test_side_payments_are_recorded_beside_utility(self) -> None:
        shares = {"truthful": 0.2, "collusion-ring": 0.8}
        market = FLMarket(**SMALL, auction="k-plus-one-price", strategies=shares, network="ring", seed=0)
        trades = played(market, 6).trades
        assert trades["transfer"].abs().max() > 0
        assert trades.groupby("round")["transfer"].sum().abs().max() <= 1e-9 * trades["transfer"].abs().sum()
        assert (trades["transfer"][trades["strategy"] == "truthful"] == 0).all()
        assert (trades["utility"] - (trades["payment"] - trades["cost"])).abs().max() < 1e-9
        received = trades.groupby("owner")["transfer"].sum()
        for owner in market.agents_by_type[DataOwner]:
            assert owner.received == pytest.approx(received.get(owner.index, 0.0))

    def test_a_ring_gains_in_an_auction_without_a_gain_for_any_single_lie(self) -> None:
        shares = {"truthful": 0.2, "collusion-ring": 0.8}
        config = MarketConfig(**{**SMALL, "rounds": 15}, strategies=shares, network="ring")
        ring = played(FLMarket(config, seed=0), 15).trades
        honest = played(FLMarket(config, strategies={"truthful": 1.0}, seed=0), 15).trades
        members = ring["strategy"] == "collusion-ring"
        assert ring["misreport_gain"].max() <= 0
        assert (ring["utility"] + ring["transfer"])[members].sum() > 1.01 * honest["utility"][members].sum()


class TestLearnersInAMarket:
    @pytest.mark.parametrize("name", ["hedge", "q-learning", "best-response"])
    def test_paid_as_they_bid_they_end_far_from_the_truth(self, name: str) -> None:
        fields = {**SMALL, "owners": 8, "rounds": 60, "budget_factor": (0.5, 1.5)}
        rounds = 20 if name == "best-response" else 60
        trades = played(
            FLMarket(**fields, auction="pay-as-bid", strategies={"truthful": 0.5, name: 0.5}, seed=0), rounds
        ).trades
        late = trades[(trades["strategy"] == name) & (trades["round"] >= rounds / 2)]
        assert late["report_ratio"].mean() > 1.2
        assert late["misreport_gain"].mean() > 0

    def test_no_answer_to_a_truthful_auction_beats_the_truth(self) -> None:
        trades = played(FLMarket(**SMALL, strategies={"truthful": 0.5, "best-response": 0.5}, seed=0), 4).trades
        assert trades["truthful"].all()

    def test_what_one_thinks_of_a_lottery_is_not_what_it_draws(self) -> None:
        market = FLMarket(**SMALL, auction=Toss(), strategies={Clairvoyant: 1.0}, seed=0)
        trades = played(market, 6).trades
        assert 0.2 < (trades["records"] > 0).mean() < 0.8
        guessed = [sells for view in Clairvoyant.seen for sells in view]
        assert guessed != (trades["records"] > 0).tolist()

    def test_who_knows_the_rule_does_not_know_the_seed(self) -> None:
        market = FLMarket(**SMALL, auction=Toss(), seed=3)
        rule = market.population.groups.public.rule
        assert {type(known) for known in vars(rule).values()} == {Toss, torch.Tensor}
        assert torch.equal(rule.generator_state, market.streams.generator("public rule").get_state())


class Toss(PerHead):
    name: ClassVar[str] = "toss"

    def allocate(self, bids: Bids, budget: torch.Tensor, generator: torch.Generator | None) -> Outcome:
        sells = torch.rand(bids.shape, generator=generator) < 0.5
        return Outcome(
            privacy_loss=torch.where(sells, bids.privacy_budget, 0.0),
            payment=torch.zeros(bids.shape, dtype=torch.float64),
            data_size=torch.where(sells, bids.data_size, 0),
        )


class Clairvoyant(Truthful):
    name: ClassVar[str] = "clairvoyant"
    seen: ClassVar[list[list[bool]]] = []

    def bid(self, view: MarketView, types: OwnerTypes, generator: torch.Generator) -> Bids:
        assert view.public.rule is not None
        guess = view.public.rule(types.truthful_bids(), torch.tensor([view.announcement.budget]).double())
        self.seen.append(guess.sells[0].tolist())
        return types.truthful_bids()


class TestNetworks:
    def test_owners_stand_in_a_mesa_network(self) -> None:
        market = FLMarket(**SMALL, network="ring", seed=0)
        assert isinstance(market.grid, Network)
        owners = sorted(market.agents_by_type[DataOwner], key=lambda owner: owner.index)
        known = sorted(owner.index for owner in owners[3].cell.neighborhood.agents)
        assert known == [2, 4]

    def test_without_a_network_there_is_no_grid(self) -> None:
        market = FLMarket(**SMALL, seed=0)
        assert market.grid is None
        assert market.agents_by_type[DataOwner][0].cell is None

    def test_a_network_moves_nothing_else(self) -> None:
        alone, networked = (played(FLMarket(**SMALL, network=name, seed=0), 3) for name in ("none", "scale-free"))
        pd.testing.assert_frame_equal(alone.trades, networked.trades)
        pd.testing.assert_frame_equal(alone.rounds, networked.rounds)

    def test_edge_lists_are_read_and_mistakes_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "friends.csv"
        path.write_text("0 1\n1 20\n")
        with pytest.raises(ValueError, match=r"friends.csv, line 2: owner '20' is unknown"):
            FLMarket(**SMALL, network=path, seed=0)
        path.write_text("0 1\n1 19\n")
        market = FLMarket(**SMALL, network=path, seed=0)
        assert sorted(market.grid.G.adj[1]) == [0, 19]
        results = run_market(**{**SMALL, "rounds": 1}, network=path, out=tmp_path / "run")
        assert set(results.config["data_files"]) == {"friends.csv"}
        assert results.config["config"]["network"] == str(path)

    @pytest.mark.parametrize("name", ["imitate-richest", "fermi-imitation", "replicator-imitation"])
    def test_where_all_are_paid_as_they_bid_the_truth_dies_of_imitation(self, name: str) -> None:
        market = FLMarket(
            **{**SMALL, "owners": 16, "bidders": 16, "rounds": 40},
            auction="pay-as-bid",
            budget_factor=3.0,
            strategies={name: 1.0},
            strategy_options={name: {"truth": 0.8}},
            network="small-world",
            seed=0,
        )
        shares = played(market, 40).rounds["truthful_share"]
        assert shares[0] >= 0.5
        assert shares.iloc[-1] < 0.2


@pytest.mark.parametrize("name", [name for name in list_strategies() if name != "truthful"])
class TestEveryStrategyInAMarket:
    FIELDS: ClassVar[dict[str, Any]] = {**SMALL, "rounds": 3, "network": "ring", "buyers": 2}

    def test_it_plays_repeatably_and_survives_pickling(self, name: str) -> None:
        config = MarketConfig(**self.FIELDS, strategies={"truthful": 0.5, name: 0.5}, lifetime_allowance=3.0)
        first, second = FLMarket(config, seed=1), FLMarket(config, seed=1)
        second.step()
        second = pickle.loads(pickle.dumps(second))
        first, second = played(first, 3), played(second, 2)
        pd.testing.assert_frame_equal(first.trades, second.trades)
        pd.testing.assert_frame_equal(first.rounds, second.rounds)
        assert set(first.trades["strategy"]) == {"truthful", name}
        assert first.trades["privacy_spent"].max() <= 3.0

    def test_liars_move_no_stream_of_the_others(self, name: str) -> None:
        lying, honest = (
            played(FLMarket(seed=5, **self.FIELDS, strategies=shares), 2).trades
            for shares in ({"truthful": 0.5, name: 0.5}, {"truthful": 1.0})
        )
        for column in ("owner", "family", "factor", "privacy_budget", "data_size"):
            assert lying[column].tolist() == honest[column].tolist()


class Grabs(Truthful):
    """Settles what is not hers."""

    name: ClassVar[str] = "grabs"

    def settle(self, result: RoundResult) -> torch.Tensor:
        return torch.ones_like(result.utility)


class Overdraws(Lone):
    name: ClassVar[str] = "overdraws"

    def identities(self, view: MarketView, types: OwnerTypes) -> torch.Tensor:
        return types.data_size.expand(2, -1)


class Shouts(Truthful):
    name: ClassVar[str] = "shouts"

    def upload(self, view: MarketView, privacy_loss: torch.Tensor) -> torch.Tensor:
        return privacy_loss + 1


@pytest.mark.parametrize("kind", [Grabs, Overdraws, Shouts])
def test_a_run_stops_before_money_moves(kind: type[Strategy]) -> None:
    market = FLMarket(**SMALL, strategies={kind: 1.0}, seed=0)
    with pytest.raises(ValueError, match=rf"strategy '{kind.name}', owners? .*, round 0: "):
        market.step()
    assert market.buyers[0].spent == 0
    assert market.population.earned.sum() == 0
    assert market.population.accounts.spent.sum() == 0
    assert market.tables()["rounds"]["round"] == []


class TestOnesOwn:
    """Owners from a file, a strategy and an auction by class."""

    @pytest.fixture
    def owners(self, tmp_path: Path) -> Path:
        path = tmp_path / "owners.csv"
        lines = [f"linear,{1 + index / 10},,,{0.5 + index / 10},{20 + index}" for index in range(6)]
        lines += [f",,1,{2 + index},1.0,50" for index in range(6)]
        path.write_text("\n".join(["family,factor,cost@0.5,cost@2,privacy_budget,data_size", *lines]))
        return path

    def test_owners_are_those_of_the_file(self, owners: Path) -> None:
        market = FLMarket(population=owners, bidders=12, seed=0)
        assert market.config.owners == 12
        trades = played(market).trades.sort_values("owner")
        assert trades["data_size"].tolist() == [20, 21, 22, 23, 24, 25] + [50] * 6
        assert trades["factor"].tolist()[:2] == [1.0, 1.1]
        assert trades["family"].isna().tolist() == [False] * 6 + [True] * 6
        assert (market.prior.records, market.prior.privacy_budget) == (435, (0.5, 1.0))

    def test_all_of_ones_own_together(self, owners: Path, tmp_path: Path) -> None:
        results = run_market(
            population=owners,
            bidders=6,
            rounds=3,
            auction=PerHead(),
            strategies={Lone: 0.5, "scaled-valuation": 0.5},
            strategy_options={"scaled-valuation": {"by": 2.0}},
            out=tmp_path / "run",
        )
        ratio = results.trades.groupby("strategy")["report_ratio"].mean()
        assert ratio.to_dict() == {"lone": 1.0, "scaled-valuation": 2.0}
        manifest = json.loads((tmp_path / "run" / "config.json").read_text())
        assert manifest["config"]["strategies"] == {"lone": 0.5, "scaled-valuation": 0.5}
        assert manifest["repeatable"] is False
        assert set(manifest["data_files"]) == {"owners.csv"}

    def test_a_file_that_does_not_fit_is_refused(self, owners: Path) -> None:
        with pytest.raises(ValueError, match=r"owners = 13: population .* has 12 owners; leave owners out"):
            MarketConfig(population=owners, owners=13)
        with pytest.raises(ValueError, match=r"holds 435 records but task 'synthetic' has 100"):
            FLMarket(population=owners, task="synthetic", task_options={"records": 100}, bidders=3, seed=0)
        with pytest.raises(FileNotFoundError, match="is no file"):
            MarketConfig(population="nobody.csv")


class TestWallets:
    def test_a_buyer_leaves_when_her_wallet_is_empty(self) -> None:
        market = FLMarket(**SMALL, buyers=2, auction="all-in", budget_factor=1.0, wallet=(6.0, 1000.0), seed=0)
        record = played(market, 6)
        unit = market.prior.units.money
        spent = record.rounds.pivot(index="round", columns="buyer", values="spent")
        assert spent[0].sum() <= 6 * unit
        assert not market.buyers[0].active
        assert market.buyers[1].active
        gone = record.rounds[(record.rounds["buyer"] == 0) & (record.rounds["round"] == 5)]
        assert gone[["bidders", "sellers", "budget", "spent"]].to_numpy().tolist() == [[0, 0, 0, 0]]
        assert gone["invalid"].all()
        assert record.rounds["bidders"].tolist()[-1] == 8

    def test_wallets_that_make_no_sense_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"wallet = \(1.0, 2.0\): pass one number for each of buyers = 1"):
            MarketConfig(wallet=(1.0, 2.0))
        with pytest.raises(ValueError, match=r"wallet\[1\] = -1"):
            MarketConfig(wallet=[1.0, -1], buyers=2)
        with pytest.raises(ValueError, match="wallet = 0"):
            MarketConfig(wallet=0)


@pytest.mark.parametrize("auction", ["all-in", "pay-as-bid", "fixed-share", "sequential-menu"])
def test_a_lone_best_responder_never_regrets(auction: str) -> None:
    fields = {**SMALL, "owners": 8, "rounds": 4, "auction": auction}
    trades = played(FLMarket(**fields, strategies={"truthful": 7 / 8, BestResponse: 1 / 8}, seed=0), 4).trades
    hers = trades[trades["strategy"] == "best-response"]
    assert len(hers) == 4
    assert (hers["utility"] >= hers["truthful_utility"] - 1e-9).all()
    misreports = hers.dropna(subset="misreport_gain")
    assert (len(misreports) > 0) == (auction in ("pay-as-bid", "fixed-share"))
    assert (misreports["misreport_gain"] > 0).all()
