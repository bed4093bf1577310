"""Fields of a market, as careless people fill them in."""

from __future__ import annotations

import numpy as np

from agents.broker.auctions.all_in import AllIn
from market_sim import FLMarket, MarketConfig, run_market
from tests.careless.cases import SMALL, Case


def config(did: str, **fields: object) -> Case:
    return Case("configuration", did, lambda _: MarketConfig(**fields))


CASES = [
    config("`owners=0`", owners=0),
    config("`owners=-5`", owners=-5),
    config("`owners=12.5`", owners=12.5),
    config('`owners="60"`', owners="60"),
    config("`owners=True`", owners=True),
    config("`owners=None`", owners=None),
    config("`owners=10` with 30 bidders", owners=10),
    config("`buyers=3` for 60 owners and 30 bidders", buyers=3),
    config("`rounds=float('inf')`", rounds=float("inf")),
    config("`rouns=5` (a slip)", rouns=5),
    config("`n_agents=5` (another library's word)", n_agents=5),
    Case("configuration", "`MarketConfig(60)` (no name)", lambda _: MarketConfig(60)),
    config('`auction="sequental-menu"`', auction="sequental-menu"),
    config("`auction=AllIn` (the class)", auction=AllIn),
    config('`auction="my_rules.py"`', auction="my_rules.py"),
    config('`auction="my_rules:Mine"` that is not there', auction="my_rules:Mine"),
    config('`auction="json:dumps"` (no auction)', auction="json:dumps"),
    Case("configuration", '`auction="gone.safetensors"`', lambda _: run_market(**SMALL, auction="gone.safetensors")),
    config('`strategies="truthful"`', strategies="truthful"),
    config("`strategies={}`", strategies={}),
    config("shares that sum to 0.9", strategies={"truthful": 0.5, "hedge": 0.4}),
    config("shares in per cent", strategies={"truthful": 70, "hedge": 30}),
    config("a negative share", strategies={"truthful": 1.5, "hedge": -0.5}),
    config("shares as float32", strategies={"truthful": np.float32(0.1), "hedge": np.float32(0.9)}),
    config('`strategies={"honest": 1.0}`', strategies={"honest": 1.0}),
    config("imitation without a network", strategies={"truthful": 0.5, "imitate-richest": 0.5}),
    config("an option of no strategy", strategy_options={"scaled-valuation": {"by": 2.0}}),
    config(
        "an option that it does not have",
        strategies={"truthful": 0.5, "scaled-valuation": 0.5},
        strategy_options={"scaled-valuation": {"factor": 2.0}},
    ),
    config('`perturbation="gaussain"`', perturbation="gaussain"),
    config("`delta=0`", delta=0),
    config("`delta=1`", delta=1),
    config('exact noise of PrivUnit, `noise_source="opendp"`', noise_source="opendp"),
    config("`clip_norm=0`", clip_norm=0),
    config("`clip_norm=nan`", clip_norm=float("nan")),
    config("`learning_rate=-0.1`", learning_rate=-0.1),
    config("`budget_factor=(2, 0.1)`", budget_factor=(2, 0.1)),
    config('`budget_factor="0.1-2"`', budget_factor="0.1-2"),
    config("`privacy_budget=(0, 2)`", privacy_budget=(0, 2)),
    config("`privacy_budget=(0.5, 1, 2)`", privacy_budget=(0.5, 1, 2)),
    config("`wallet=[100, 100]` for one buyer", wallet=[100, 100]),
    config("`wallet=0`", wallet=0),
    config("`lifetime_allowance=inf`", lifetime_allowance=float("inf")),
    config("`lifetime_allowance=0`", lifetime_allowance=0),
    config('`first_best="yes"`', first_best="yes"),
    config('`task="mnist"`', task="mnist"),
    config('`model="resnet"`', model="resnet"),
    config('`model_options={"hidden": 64}` of softmax', model_options={"hidden": 64}),
    config('`data="here"` for a task that reads no files', data="here"),
    config('`partition="iidd"`', partition="iidd"),
    config('`sizes="equals"`', sizes="equals"),
    Case("configuration", "more owners than records", lambda _: run_market(**{**SMALL, "owners": 500})),
    Case("configuration", '`seed="one"`', lambda _: FLMarket(**SMALL, seed="one")),
    Case("configuration", "`seed=1, rng=2`", lambda _: FLMarket(**SMALL, seed=1, rng=2)),
    Case("configuration", "`run_market(seed=-1)`", lambda _: run_market(**SMALL, seed=-1)),
    Case("configuration", "`agent_reporters=['utilty']`", lambda _: FLMarket(**SMALL, agent_reporters=["utilty"])),
]
