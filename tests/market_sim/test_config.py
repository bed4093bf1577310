"""The configuration refuses what makes no sense, before any work, and says what to do."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import pytest

from agents.broker.auctions.registry import load_auction
from market_sim import FLMarket, MarketConfig


def test_every_field_has_a_default_that_is_valid() -> None:
    config = MarketConfig()
    assert config.auction == "sequential-menu"
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
        ("owners", 9, ValueError, "bidders = 10 for each of buyers = 1 are more than owners = 9; pass more owners"),
        ("buyers", 11, ValueError, "for each of buyers = 11 are more than owners = 100"),
        ("rounds", True, TypeError, "rounds = True is not a whole number"),
        ("auction", "sequential-menus", ValueError, "did you mean 'sequential-menu'"),
        ("aggregation", "optimum", ValueError, "did you mean 'optimal'"),
        ("perturbation", "laplac", ValueError, "did you mean 'laplace'"),
        ("noise_source", "opendp", ValueError, "not offered by perturbation 'privunit'"),
        ("clip", "none", ValueError, "clip = 'none' is not known"),
        ("clip_norm", 0, ValueError, "clip_norm = 0: pass a finite number over 0"),
        ("error_bound", "norm", ValueError, "error_bound = 'norm' is not known"),
        ("task", "digit", ValueError, "did you mean 'digits'"),
        ("data", 3, TypeError, "data = 3: pass the name of a directory"),
        ("partition", "dirichlet", ValueError, "partition = 'dirichlet' is not known"),
        ("sizes", "log-normal", ValueError, "did you mean 'lognormal'"),
        ("budgets", "free", ValueError, "budgets = 'free' is not known"),
        ("budget_factor", -0.1, ValueError, r"budget_factor\[0\] = -0.1"),
        ("budget_factor", (1.0, 0.5), ValueError, r"budget_factor\[1\] = 0.5"),
        ("budget_factor", (1.0, float("nan")), ValueError, r"budget_factor\[1\] = nan"),
        ("budget_factor", "much", TypeError, "pass a number or a pair"),
        ("privacy_budget", (0.0, 1.0), ValueError, r"privacy_budget\[0\] = 0.0: pass a finite number over 0"),
        ("strategies", {"truthful": 0.9}, ValueError, "the shares sum to 0.9; make them sum to 1"),
        ("lifetime_allowance", 0, ValueError, "lifetime_allowance = 0: pass a finite number over 0"),
        ("learning_rate", float("inf"), ValueError, "learning_rate = inf"),
        ("update", "plane", ValueError, "did you mean 'plain'"),
        ("value_of_accuracy", -1, ValueError, "value_of_accuracy = -1"),
        ("first_best", "yes", TypeError, "first_best = 'yes': pass True or False"),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MarketConfig(**{field: value})
    with pytest.raises(error, match=message):
        FLMarket(**{field: value})


def test_more_owners_than_records_are_refused() -> None:
    with pytest.raises(ValueError, match="owners = 2000: task 'digits' has only 1437 records"):
        FLMarket(owners=2000)


def test_a_market_wants_a_config_and_a_whole_seed() -> None:
    with pytest.raises(TypeError, match="config is a dict; pass a MarketConfig"):
        FLMarket({"owners": 3})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="seed = 'one' is not a whole number"):
        FLMarket(seed="one")  # type: ignore[arg-type]


def test_a_missing_data_directory_says_where_to_get_the_files(tmp_path: Any) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=r"unb\.ca"):
        FLMarket(task="nsl-kdd", data=tmp_path / "nowhere")


def test_fields_override_a_config() -> None:
    market = FLMarket(MarketConfig(owners=30, bidders=5), bidders=7)
    assert (market.config.owners, market.config.bidders) == (30, 7)


def test_a_config_can_be_replaced_pickled_and_written_as_json() -> None:
    config = dataclasses.replace(MarketConfig(owners=30), auction=load_auction("all-in"))
    assert json.loads(json.dumps(config.as_json()))["auction"] == "all-in"
    plain = MarketConfig(budget_factor=0.5)
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert MarketConfig(**plain.as_json()).as_json() == plain.as_json()
