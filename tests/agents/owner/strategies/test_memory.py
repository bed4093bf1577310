"""Every strategy hands out all that it remembers: loaded into a new one, it is the same one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.own_classes import same_state
from agents.owner.strategies.registry import list_strategies
from agents.owner.strategy_shares import strategy_class
from agents.saved_state import load_state, save_state
from market_sim import FLMarket
from market_sim.saved_market import forgetful, load_into, state_of


@pytest.mark.parametrize("name", list_strategies())
def test_a_strategy_with_the_state_of_another_is_that_one(tmp_path: Path, name: str) -> None:
    fields = {"owners": 10, "bidders": 6, "rounds": 6, "network": "ring", "strategies": {name: 0.5, "truthful": 0.5}}
    if name == "truthful":
        fields["strategies"] = {name: 1.0}
    played = FLMarket(seed=2, **fields)
    for _ in range(4):
        played.step()
    assert forgetful(played) == []
    save_state(tmp_path / "state", state_of(played))
    other = FLMarket(seed=2, **fields)
    load_into(other, load_state(tmp_path / "state"))
    ours, theirs = played.population.groups.strategies[0], other.population.groups.strategies[0]
    assert type(ours) is strategy_class(name)
    assert same_state(vars(ours), vars(theirs))
    played.step(), other.step()
    for one, same in zip(played.last_round, other.last_round, strict=True):
        assert same_state(one.bids, same.bids)
        assert same_state(one.outcome, same.outcome)
