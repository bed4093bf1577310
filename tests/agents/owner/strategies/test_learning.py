"""Learners: what one round teaches, by hand, and what many do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from agents.owner.strategies.exp3 import Exp3
from agents.owner.strategies.hedge import Hedge
from agents.owner.strategies.learning import sampled
from agents.owner.strategies.q_learning import QLearning

# At a cost of 4 and a budget of 10 asking for twice the cost brings 4, three times too much; halves bring nothing.
GAINS = [0.0, -0.2, 0.25, 0.5, 1.0, 0.0, 0.0, 0.0]


def test_draws_follow_the_probabilities() -> None:
    probability = torch.tensor([[0.25, 0.0, 0.75]]).double().expand(5, 3)
    assert sampled(probability, torch.tensor([0.0, 0.2499, 0.25, 0.9, 1 - 2**-53]).double()).tolist() == [0, 0, 2, 2, 2]


class TestHedge:
    def test_a_round_tells_what_every_lie_would_have_brought(self, play: Any) -> None:
        game = play(Hedge, costs=(4.0,))
        game.round()
        assert game.strategy.gained[0].tolist() == pytest.approx(GAINS)
        assert game.strategy.earned[0].item() == pytest.approx(GAINS[game.strategy.arm[0]])

    def test_weights_are_exponential_in_it(self, play: Any) -> None:
        game = play(Hedge, costs=(4.0,), rate=2.0)
        assert game.strategy.probability(torch.tensor([0]))[0].tolist() == pytest.approx([1 / 8] * 8)
        game.round()
        speed = 2 * (8 * torch.tensor(8.0).double().log() / 2).sqrt() / 1.2
        expected = torch.softmax(speed * torch.tensor(GAINS).double(), 0)
        assert torch.allclose(game.strategy.probability(torch.tensor([0]))[0], expected)

    def test_regret_per_round_vanishes(self, play: Any) -> None:
        game = play(Hedge, costs=(4.0, 8.0))
        regret = []
        for _ in range(200):
            game.round()
            regret.append(game.strategy.regret.clone())
        assert (regret[-1] / 200 < regret[9] / 10 / 3).all()
        # Cesa-Bianchi and Lugosi, theorem 2.3: 2 sqrt(n / 2 ln K) + sqrt(ln K / 8) ranges, in expectation.
        assert (regret[-1] < 1.2 * (2 * (100 * torch.tensor(8.0).log()) ** 0.5 + 0.52)).all()
        assert game.strategy.arm.tolist() == [4, 2]


class TestExp3:
    def test_only_the_lie_told_is_learned_about(self, play: Any) -> None:
        game = play(Exp3, costs=(4.0,))
        game.round()
        arm = int(game.strategy.arm[0])
        expected = [0.0] * 8
        expected[arm] = GAINS[arm] * 8
        assert game.strategy.estimate[0].tolist() == pytest.approx(expected)

    def test_some_exploration_always_stays(self, play: Any) -> None:
        game = play(Exp3, costs=(4.0, 8.0), exploration=0.4)
        for _ in range(300):
            game.round()
        probability = game.strategy.probability(torch.arange(2))
        assert probability.sum(-1).tolist() == pytest.approx([1, 1])
        assert probability.min() >= 0.05

    def test_it_ends_up_with_what_pays(self, play: Any) -> None:
        game = play(Exp3, costs=(4.0, 8.0), rate=1.0)
        for _ in range(400):
            game.round()
        probability = game.strategy.probability(torch.arange(2))
        assert probability.argmax(-1).tolist() == [4, 2]
        assert (probability.amax(-1) > 0.5).all()


class TestQLearning:
    def test_a_round_moves_one_value_towards_its_result(self, play: Any) -> None:
        game = play(QLearning, costs=(4.0,), step=0.5, discount=0.0)
        game.round()
        arm = int(game.strategy.arm[0])
        expected = torch.zeros(3, 8).double()
        expected[0, arm] = 0.5 * GAINS[arm]
        assert torch.allclose(game.strategy.value[0], expected)

    def test_what_may_follow_counts(self, play: Any) -> None:
        game = play(QLearning, costs=(4.0,), step=0.5, discount=0.5, exploration=0.0)
        game.strategy.value[0, 0, 4] = 1.0
        game.round()
        # 1 + 0.5 (1 + 0.5 * 1 - 1)
        assert game.strategy.value[0, 0, 4] == pytest.approx(1.25)

    def test_the_state_is_whether_the_price_covers_the_cost(self, play: Any) -> None:
        game = play(QLearning, costs=(4.0, 8.0))
        states = []
        # Costs of 4 and 8 for two records at privacy loss 1 are 2 and 4 for each.
        for price in (None, 1.0, 2.0, 4.0):
            game.bid(price=price)
            states.append(game.strategy.situation.tolist())
        assert states == [[0, 0], [1, 1], [2, 1], [2, 2]]

    def test_it_ends_up_with_what_pays(self, play: Any) -> None:
        game = play(QLearning, costs=(4.0, 8.0), exploration=0.2)
        for _ in range(400):
            game.round()
        assert game.strategy.value[:, 0].argmax(-1).tolist() == [4, 2]


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (Hedge, "rate", 0.0),
        (Exp3, "exploration", 0.0),
        (Exp3, "rate", -1.0),
        (QLearning, "exploration", 1.5),
        (QLearning, "step", 0.0),
        (QLearning, "discount", 1.0),
    ],
)
def test_options_that_make_no_sense_are_refused(kind: Any, option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option} = "):
        kind(3, **{option: value})
