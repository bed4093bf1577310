"""The market as Mesa's users treat a model: seeds, batches, reporters, removal, stepping."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pytest
from mesa import DataCollector
from mesa.batchrunner import batch_run

from agents.owner.owner import DataOwner
from market_sim import FLMarket

SMALL: dict[str, Any] = {"owners": 6, "bidders": 6, "rounds": 3, "task": "synthetic", "task_options": {"records": 600}}


def stepped(rounds: int = 1, **fields: Any) -> FLMarket:
    market = FLMarket(**{**SMALL, "seed": 0, **fields})
    for _ in range(rounds):
        market.step()
    return market


def owners_of(market: FLMarket) -> list[DataOwner]:
    return list(market.agents_by_type[DataOwner])


def batch(**fields: Any) -> pd.DataFrame:
    parameters = {"owners": 6, "bidders": 3, "rounds": 2, "task": "synthetic", **fields}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Mesa 3.5 would rather be handed a list of seeds
        rows = batch_run(FLMarket, parameters, iterations=3, number_processes=1, display_progress=False)
    return pd.DataFrame(rows)


class TestSeeds:
    def test_a_market_without_a_seed_draws_a_fresh_one_and_keeps_it(self) -> None:
        first, second = FLMarket(**SMALL), FLMarket(**SMALL)
        assert first.seed != second.seed
        first.step()
        again = stepped(seed=first.seed)
        assert again.tables() == first.tables()

    def test_every_row_holds_the_seed(self) -> None:
        assert stepped(2, seed=7).datacollector.get_model_vars_dataframe()["seed"].tolist() == [7, 7]

    @pytest.mark.parametrize("given", [{"seed": 3}, {"rng": 3}, {"seed": "3"}, {"rng": "3"}])
    def test_a_seed_goes_by_both_names_and_may_come_from_a_text_field(self, given: dict[str, Any]) -> None:
        assert FLMarket(**SMALL, **given).tables() == FLMarket(**SMALL, seed=3).tables()
        assert FLMarket(**SMALL, **given).seed == 3

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"seed": 1, "rng": 2}, "seed = 1 and rng = 2: pass one of them"),
            ({"seed": "one"}, "seed = 'one' is not a whole number"),
            ({"rng": 1.5}, "rng = 1.5 is not a whole number"),
            ({"seed": -1}, "seed = -1: pass a whole number between 0"),
            ({"seed": "9" * 30}, "is not a whole number"),
        ],
    )
    def test_what_is_no_seed_is_refused(self, given: dict[str, Any], message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            FLMarket(**SMALL, **given)

    @pytest.mark.parametrize("reset", ["reset_rng", "reset_randomizer"])
    def test_randomness_cannot_be_reset_in_mid_market(self, reset: str) -> None:
        with pytest.raises(ValueError, match=r"fixed by its seed 0; make a new one, FLMarket\(seed=...\)"):
            getattr(stepped(), reset)(5)


class TestBatches:
    def test_iterations_are_different_runs_whose_seeds_are_in_the_rows(self) -> None:
        rows = batch()
        assert rows.groupby("iteration")["error_bound"].last().nunique() == 3
        assert rows["seed"].nunique() == 3
        last = rows.groupby("iteration").last().loc[1]
        again = FLMarket(owners=6, bidders=3, rounds=2, task="synthetic", seed=int(last["seed"]))
        again.run_model()
        assert again.datacollector.model_vars["error_bound"][-1] == last["error_bound"]

    def test_one_seed_for_several_iterations_is_warned_of(self) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = batch_run(
                FLMarket,
                {"owners": 6, "bidders": 3, "rounds": 1, "task": "synthetic", "seed": 5},
                iterations=2,
                number_processes=1,
                display_progress=False,
            )
        same = pd.DataFrame(rows)["error_bound"].nunique() == 1
        said = any("iteration 1 repeats the run of seed 5: leave seed out" in str(one.message) for one in caught)
        assert same == said  # Mesa 3.5 draws a seed for each iteration itself.

    def test_rows_of_owners_come_with_reporters(self) -> None:
        rows = batch(agent_reporters=[["utility", "privacy_spent"]])
        owners = rows.dropna(subset="utility")
        assert len(owners) == 3 * 6
        assert (owners["utility"] >= 0).all()


class TestReporters:
    def test_an_owners_attributes_and_functions_of_her(self) -> None:
        market = stepped(
            2,
            agent_reporters={"utility": "utility", "gain": "last_gain", "twice": lambda owner: 2 * owner.earned},
            strategies={"truthful": 0.5, "scaled-valuation": 0.5},
            auction="pay-as-bid",
        )
        kept = market.datacollector.get_agent_vars_dataframe().xs(2, level="Step").dropna(subset="utility")
        trades = market.datacollector.get_table_dataframe("trades")
        last = trades[trades["round"] == 1].set_index("owner").sort_index()
        assert kept["gain"].tolist() == pytest.approx(last["misreport_gain"].tolist(), nan_ok=True)
        assert kept["utility"].tolist() == pytest.approx(trades.groupby("owner")["utility"].sum().tolist())
        assert kept["twice"].tolist() == pytest.approx((2 * trades.groupby("owner")["payment"].sum()).tolist())

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("utility", "pass names of an owner's attributes"),
            (["wealth"], "an owner has no 'wealth'; known: .*utility"),
            ({"utility": 3}, r"agent_reporters\['utility'\] = 3: pass an attribute's name or a function"),
        ],
    )
    def test_what_is_no_reporter_is_refused(self, given: Any, message: str) -> None:
        with pytest.raises((TypeError, ValueError), match=message):
            FLMarket(**SMALL, agent_reporters=given)

    def test_a_collector_of_ones_own_stands_beside_ours(self) -> None:
        market = stepped(0)
        mine = DataCollector(
            model_reporters={"earned": lambda model: model.agents_by_type[DataOwner].agg("earned", sum)}
        )
        for _ in range(2):
            market.step()
            mine.collect(market)
        spent = market.datacollector.get_model_vars_dataframe()["spent"]
        assert mine.get_model_vars_dataframe()["earned"].tolist() == pytest.approx(spent.cumsum().tolist())


class TestRemoval:
    @pytest.mark.parametrize("network", ["none", "ring"])
    def test_who_is_removed_bids_no_more_and_keeps_what_she_earned(self, network: str) -> None:
        market = stepped(network=network)
        leaver = owners_of(market)[2]
        earned = leaver.earned
        leaver.remove()
        market.step()
        trades = market.datacollector.get_table_dataframe("trades")
        assert set(trades[trades["round"] == 1]["owner"]) == {0, 1, 3, 4, 5}
        assert (leaver.active, leaver.earned) == (False, earned)
        assert leaver not in market.agents

    def test_a_market_that_all_owners_leave_has_no_bidders(self) -> None:
        market = stepped()
        for owner in owners_of(market):
            owner.remove()
        market.step()
        assert market.datacollector.get_table_dataframe("rounds")["bidders"].tolist() == [6, 0]

    def test_a_buyer_who_leaves_announces_nothing(self) -> None:
        market = stepped(buyers=2, bidders=3)
        market.buyers[1].remove()
        market.step()
        rounds = market.datacollector.get_table_dataframe("rounds")
        assert rounds[rounds["round"] == 1]["bidders"].tolist() == [3, 0]

    def test_nobody_is_half_removed_where_removal_is_refused(self) -> None:
        market = stepped()
        before = len(market.agents)
        with pytest.raises(ValueError, match="a market needs its broker and its buyers; for owners to leave"):
            market.remove_all_agents()
        with pytest.raises(ValueError, match="cannot do without its broker"):
            market.broker.remove()
        assert len(market.agents) == before


class TestSteps:
    def test_a_market_does_not_go_on_past_its_last_round(self) -> None:
        market = stepped(3)
        assert not market.running
        with pytest.raises(ValueError, match="all rounds = 3 have been played; make a market with more"):
            market.step()
        assert len(market.tables()["rounds"]["round"]) == 3

    def test_an_owners_step_says_where_her_behaviour_lives(self) -> None:
        market = stepped()
        with pytest.warns(UserWarning, match="DataOwner.step does nothing: .* behaviour is a strategy"):
            market.agents_by_type[DataOwner].do("step")
