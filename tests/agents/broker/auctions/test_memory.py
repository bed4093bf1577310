"""No shipped rule remembers a market that would change the next one, so that any run of it can be resumed."""

from __future__ import annotations

import pytest
import torch

from agents.broker.auctions.registry import list_auctions, load_auction
from agents.own_classes import same_state
from agents.prior import OwnerPrior


@pytest.mark.parametrize("name", list_auctions())
def test_a_rule_that_was_run_and_a_new_one_say_the_same(name: str) -> None:
    used, new = load_auction(name), load_auction(name)
    for seed in range(3):
        types, budget = OwnerPrior(1000).sample(2, 5, torch.Generator().manual_seed(seed))
        outcome = used.run(types.truthful_bids(), budget, torch.Generator().manual_seed(seed))
    again = new.run(types.truthful_bids(), budget, torch.Generator().manual_seed(2))
    assert same_state(vars(outcome), vars(again))
    assert used.state() == {}
