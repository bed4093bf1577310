"""A ring at a second price, by hand: costs 2, 4 and 10; the cheapest sells at what the next asks."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
import torch

from agents.messages import Bids, Outcome
from agents.owner.strategies.collusion_ring import SCALES, CollusionRing, _plans

COSTS = (2.0, 4.0, 10.0)


def second_price(bids: Bids, budget: torch.Tensor) -> Outcome:
    ask, order = bids.cost(bids.privacy_budget, bids.data_size).sort(dim=1)
    wins = torch.zeros(bids.shape, dtype=torch.bool).scatter(1, order[:, :1], True)
    return Outcome(
        privacy_loss=torch.where(wins, bids.privacy_budget, 0.0),
        payment=torch.where(wins, ask[:, 1:2], 0.0),
        data_size=torch.where(wins, bids.data_size, 0),
    )


def friends(*pairs: tuple[int, int]) -> nx.Graph:
    graph = nx.empty_graph(3)
    graph.add_edges_from(pairs)
    return graph


def test_two_friends_let_one_of_them_sell_dear_and_share(play: Any) -> None:
    # In truth owner 0 sells at 4. With owner 1 out of the way she sells at 10: together they gain 6.
    game = play(CollusionRing, costs=COSTS, rule=second_price, graph=friends((0, 1)))
    result = game.result(game.bid())
    assert result.utility.tolist() == [8.0, 0.0, 0.0]
    assert game.strategy.settle(result).tolist() == [-3.0, 3.0, 0.0]


def test_without_friends_there_is_no_ring(play: Any) -> None:
    game = play(CollusionRing, costs=COSTS, rule=second_price, graph=friends())
    bids = game.bid()
    assert torch.equal(bids.valuation.factor, game.types.valuation.factor)
    assert game.strategy.settle(game.result(bids)).tolist() == [0.0] * 3


def test_where_nothing_is_gained_the_ring_tells_the_truth(play: Any) -> None:
    # Owners 1 and 2 cannot make owner 0 dearer and themselves cheap enough at a profit.
    game = play(CollusionRing, costs=COSTS, rule=second_price, graph=friends((1, 2)))
    bids = game.bid()
    assert torch.equal(bids.valuation.factor, game.types.valuation.factor)
    assert game.strategy.settle(game.result(bids)).tolist() == [0.0] * 3


def test_a_ring_that_no_longer_meets_settles_nothing(play: Any) -> None:
    game = play(CollusionRing, costs=COSTS, rule=second_price, graph=friends((0, 1)))
    result = game.result(game.bid())
    alone = game.view(owner=torch.tensor([0]), row=torch.tensor([0]))
    one = game.types.take(owners=torch.tensor([0]))
    fields = {**vars(alone), "member": torch.tensor([0]), "place": torch.tensor([0])}
    game.strategy.bid(type(alone)(**fields), one, game.generator)
    hers = {**vars(result), "member": torch.tensor([0]), "utility": result.utility[:1]}
    assert game.strategy.settle(type(result)(**hers)).tolist() == [0.0]


def test_plans_begin_with_the_truth() -> None:
    plans = _plans(3)
    assert plans[0].tolist() == [1.0, 1.0, 1.0]
    assert plans.shape == (1 + len(SCALES) * 4 + 6, 3)


def test_without_a_network_it_says_so(play: Any) -> None:
    game = play(CollusionRing)
    with pytest.raises(ValueError, match="is one of communities"):
        game.bid(owner=None)
