"""The configuration refuses what makes no sense, before any work, and says what to do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
from typing import Any

import numpy as np
import pytest

from agents.broker.auctions.registry import load_auction
from agents.learning_defaults import LearningSettings
from market_sim import FLMarket, MarketConfig


def test_every_field_has_a_default_that_is_valid() -> None:
    config = MarketConfig()
    assert config.auction == "ascending-menu"
    assert config.strategies == {"truthful": 1.0}
    assert config.budget_factor == (0.1, 2.0)


def test_one_number_stands_for_a_range() -> None:
    assert MarketConfig(budget_factor=0.5).budget_factor == (0.5, 0.5)
    assert MarketConfig(budget_factor=[1, 2]).budget_factor == (1.0, 2.0)


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        ("owner", 3, ValueError, "'owner' is not known; did you mean 'owners'"),
        ("owners", 0, ValueError, "owners = 0: pass a whole number between 1"),
        ("owners", 2.5, TypeError, r"owners = 2\.5 is not a whole number"),
        ("owners", 9, ValueError, "bidders = 30 for each of buyers = 1 are more than owners = 9; pass more owners"),
        ("buyers", 11, ValueError, "for each of buyers = 11 are more than owners = 60"),
        ("rounds", True, TypeError, "rounds = True is not a whole number"),
        ("auction", "sequential-menus", ValueError, "did you mean 'sequential-menu'"),
        ("aggregation", "optimum", ValueError, "did you mean 'optimal'"),
        ("perturbation", "laplac", ValueError, "did you mean 'laplace'"),
        ("noise_source", "opendp", ValueError, "not offered by perturbation 'privunit'"),
        ("clip", "none", ValueError, "clip = 'none' is not known"),
        ("clip_norm", 0, ValueError, r"clip_norm = 0: pass a number between 1e-12 and 1e\+12"),
        ("clip_norm", 1e40, ValueError, r"clip_norm = 1e\+40"),
        ("clip_norm", 1e-40, ValueError, "clip_norm = 1e-40"),
        ("learning_rate", 1e308, ValueError, r"learning_rate = 1e\+308"),
        ("budget_factor", 1e308, ValueError, r"budget_factor\[0\] = 1e\+308"),
        ("privacy_budget", (0.5, 800), ValueError, r"privacy_budget\[1\] = 800: pass a number between 0.5 and 100"),
        ("lifetime_allowance", float("inf"), ValueError, "lifetime_allowance = inf: pass None for no limit"),
        ("lifetime_allowance", 1e-7, ValueError, "lifetime_allowance = 1e-07: pass a number between 1e-06"),
        ("data", "/nope", ValueError, "data = '/nope': task 'digits' is not read from files; leave data out"),
        ("data", "", ValueError, "data = '' is empty"),
        ("task_options", 3, TypeError, "task_options = 3: pass a mapping"),
        ("task_options", {"records": 3}, ValueError, "option of task 'digits' = 'records' is not known"),
        ("error_bound", "norm", ValueError, "error_bound = 'norm' is not known"),
        ("task", "digit", ValueError, "did you mean 'digits'"),
        ("data", 3, TypeError, "data = 3: pass the name of a directory"),
        ("partition", "shard", ValueError, "did you mean 'shards'"),
        ("sizes", "log-normal", ValueError, "did you mean 'lognormal'"),
        ("budgets", "free", ValueError, "budgets = 'free' is not known"),
        ("budget_factor", -0.1, ValueError, r"budget_factor\[0\] = -0.1"),
        ("budget_factor", (1.0, 0.5), ValueError, r"budget_factor = \(1.0, 0.5\): write the lower end first"),
        ("budget_factor", (1.0, float("nan")), ValueError, r"budget_factor\[1\] = nan"),
        ("budget_factor", "much", TypeError, "pass a number or a pair"),
        ("privacy_budget", (0.0, 1.0), ValueError, r"privacy_budget\[0\] = 0.0: pass a number between 1e-06"),
        ("strategies", {"truthful": 0.9}, ValueError, "the shares sum to 0.9; make them sum to 1"),
        ("lifetime_allowance", 0, ValueError, "lifetime_allowance = 0: pass a number between 1e-06"),
        ("learning_rate", float("inf"), ValueError, "learning_rate = inf"),
        ("update", "plane", ValueError, "did you mean 'plain'"),
        ("value_of_accuracy", -1, ValueError, "value_of_accuracy = -1"),
        ("strategy_options", {"hedge": {}}, ValueError, r"strategy_options\['hedge'\]: nobody follows it"),
        ("strategy_options", 3, TypeError, "strategy_options = 3: pass a mapping"),
        ("strategies", {"fermi-imitation": 1.0}, ValueError, "'fermi-imitation' needs acquaintances; pass a network"),
        ("network", "rings", ValueError, "did you mean 'ring'"),
        ("network", "friends.csv", FileNotFoundError, "network = 'friends.csv' is no file"),
        ("network_options", {"links": 2}, ValueError, "network 'none' takes no options"),
        ("population", "owners.csv", FileNotFoundError, "population = 'owners.csv' is no file"),
        ("wallet", "full", TypeError, "wallet = 'full' is not a number"),
        ("first_best", "yes", TypeError, "first_best = 'yes': pass True or False"),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MarketConfig(**{field: value})
    with pytest.raises(error, match=message):
        FLMarket(**{field: value}, seed=0)


def test_more_owners_than_records_are_refused() -> None:
    with pytest.raises(ValueError, match="owners = 2000: task 'digits' has only 1437 records"):
        FLMarket(owners=2000, seed=0)


def test_a_market_wants_a_config_and_a_whole_seed() -> None:
    with pytest.raises(TypeError, match="config is a dict; pass a MarketConfig"):
        FLMarket({"owners": 3}, seed=0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="seed = 'one' is not a whole number"):
        FLMarket(seed="one")  # type: ignore[arg-type]


def test_a_missing_data_directory_says_where_to_get_the_files(tmp_path: Any) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=r"unb\.ca"):
        FLMarket(task="nsl-kdd", data=tmp_path / "nowhere", seed=0)


def test_fields_override_a_config() -> None:
    market = FLMarket(MarketConfig(owners=30, bidders=5), bidders=7, seed=0)
    assert (market.config.owners, market.config.bidders) == (30, 7)


def test_a_config_can_be_replaced_pickled_and_written_as_json() -> None:
    config = dataclasses.replace(MarketConfig(owners=30), auction=load_auction("all-in"))
    assert json.loads(json.dumps(config.as_json()))["auction"] == "all-in"
    plain = MarketConfig(budget_factor=0.5)
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert MarketConfig(**plain.as_json()).as_json() == plain.as_json()
    rich = MarketConfig(
        strategies={"truthful": 0.5, "hedge": 0.5},
        strategy_options={"hedge": {"rate": 2.0}},
        network="small-world",
        network_options={"rewiring": 0.3},
        wallet=(3.0, 4.0),
        buyers=2,
    )
    written = json.loads(json.dumps(rich.as_json()))
    assert written["strategy_options"] == {"hedge": {"rate": 2.0}}
    assert MarketConfig(**written).as_json() == rich.as_json()
    for copied in (pickle.loads(pickle.dumps(rich)), copy.deepcopy(rich)):
        assert copied == rich
        assert hash(copied) == hash(rich)


def test_what_is_left_to_the_rule_follows_perturbation_and_rounds_and_is_written_out() -> None:
    config = MarketConfig(rounds=300)
    assert config.clip is None
    assert config.learning == LearningSettings("direction", 1.0, 0.2, "variance")
    written = config.as_json()
    assert (written["clip"], written["clip_norm"], written["learning_rate"], written["aggregation"]) == (
        "direction",
        1.0,
        0.2,
        "variance",
    )
    without_noise = dataclasses.replace(config, perturbation="none", rounds=600)
    assert without_noise.learning == LearningSettings("direction", 1.0, 0.1, "optimal")
    chosen = MarketConfig(clip="record", learning_rate=0.5)
    assert chosen.learning == LearningSettings("record", 1.0, 0.5, "optimal")


def test_fields_go_by_name_and_are_shown_to_those_who_ask() -> None:
    with pytest.raises(TypeError, match=r"MarketConfig\(5\): name the field"):
        MarketConfig(5)  # type: ignore[misc]
    assert "bidders" in inspect.signature(MarketConfig).parameters


def test_a_config_is_frozen_through_and_through() -> None:
    config = MarketConfig(task="synthetic", task_options={"features": 3})
    nested = MarketConfig(strategies={"hedge": 1.0}, strategy_options={"hedge": {"rate": 1.0}}).strategy_options
    for mapping in (config.strategies, config.task_options, nested, nested["hedge"]):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["truthful"] = 0.0  # type: ignore[index]
    shares = {"truthful": 1.0}
    held = MarketConfig(strategies=shares)
    shares["truthful"] = 0.0
    assert held.strategies == {"truthful": 1.0}
    assert len({config, copy.deepcopy(config), dataclasses.replace(config), held}) == 2


def test_numpy_numbers_become_pythons() -> None:
    config = MarketConfig(
        owners=np.int64(30),
        learning_rate=np.float32(0.5),
        budget_factor=np.float64(1.5),
        lifetime_allowance=np.int64(3),
    )
    written = config.as_json()
    assert (written["owners"], written["learning_rate"], written["budget_factor"]) == (30, 0.5, [1.5, 1.5])
    assert json.loads(json.dumps(written)) == written


def test_a_synthetic_task_has_as_many_records_as_one_asks_for() -> None:
    fields = {"task": "synthetic", "owners": 200_000, "bidders": 5, "auction": "all-in"}
    with pytest.raises(ValueError, match=r"has only 100000 records .* pass fewer owners or a larger task"):
        FLMarket(**fields, seed=0)
    market = FLMarket(**fields, task_options={"records": np.int64(10**9), "features": 4}, seed=0)
    market.step()
    assert int(market.population.types.data_size.sum()) == 10**9
    assert market.config.as_json()["task_options"] == {"records": 10**9, "features": 4}
    with pytest.raises(ValueError, match="'record' is not known; did you mean 'records'"):
        MarketConfig(task="synthetic", task_options={"record": 5})


@pytest.mark.parametrize("update", ["plain", "precision"])
@pytest.mark.parametrize("clip_norm", [1e-12, 1e12])
@pytest.mark.parametrize("learning_rate", [1e-12, 1e12])
def test_the_ends_of_the_ranges_can_be_played(update: str, clip_norm: float, learning_rate: float) -> None:
    market = FLMarket(
        owners=6,
        bidders=3,
        clip_norm=clip_norm,
        update=update,
        learning_rate=learning_rate,
        budget_factor=1e12,
        privacy_budget=(1e-6, 100.0),
        auction="all-in",
        seed=0,
    )
    for _ in range(3):
        market.step()
