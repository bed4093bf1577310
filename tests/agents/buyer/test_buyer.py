"""The buyer: announces, pays, learns, and tests what she has learned."""

from __future__ import annotations

import math

import pytest
import torch
from mesa import Model

from agents.buyer.buyer import ModelBuyer
from agents.buyer.score import score
from agents.messages import Aggregate
from agents.models.softmax import softmax_regression
from agents.tasks.registry import load_task

TASK = load_task("digits")


def buyer(update: str = "plain", learning_rate: float = 0.5, factor: tuple[float, float] = (1.5, 1.5)) -> ModelBuyer:
    return ModelBuyer(Model(rng=0), 0, TASK, update=update, learning_rate=learning_rate, budget_factor=factor)


def stream() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def aggregate(value: float, variance: float = 1.0) -> Aggregate:
    gradient = torch.full((TASK.dimension,), value, dtype=torch.float64)
    return Aggregate(gradient=gradient, variance=variance, sellers=int(variance < math.inf))


def test_a_round_of_hers() -> None:
    her = buyer()
    announced = her.announce(8.0, 3, stream())
    assert (announced.budget, announced.round) == (12.0, 3)
    assert torch.equal(announced.parameters, torch.zeros(TASK.dimension).double())
    her.update(aggregate(0.2))
    her.pay(7.0)
    her.pay(1.5)
    assert her.spent == 8.5
    assert torch.equal(
        her.announce(0.0, 4, stream()).parameters, torch.full((TASK.dimension,), -0.1, dtype=torch.float64)
    )


def test_a_wallet_caps_her_budgets_and_ends_with_them() -> None:
    her = ModelBuyer(Model(rng=0), 0, TASK, budget_factor=(1.0, 1.0), wallet=10.0)
    assert her.announce(8.0, 0, stream()).budget == 8.0
    her.pay(7.0)
    assert (her.wallet_left, her.spent, her.active) == (3.0, 7.0, True)
    assert her.announce(8.0, 1, stream()).budget == 3.0
    with pytest.raises(ValueError, match=r"payment = 3.5 is more than the 3.0 left in the wallet of buyer 0"):
        her.pay(3.5)
    her.pay(2.995)
    assert not her.active
    assert her.spent == pytest.approx(9.995)


def test_without_a_wallet_she_never_leaves() -> None:
    her = buyer()
    her.pay(1e300)
    assert her.active


def test_her_budget_is_a_uniform_multiple_of_what_everything_costs() -> None:
    her, draws = buyer(factor=(0.5, 2.0)), stream()
    budgets = [her.announce(10.0, 0, draws).budget for _ in range(2000)]
    assert all(5 <= budget <= 20 for budget in budgets)
    assert sum(budgets) / 2000 == pytest.approx(12.5, abs=0.4)
    assert sum(budget < 8.75 for budget in budgets) / 2000 == pytest.approx(0.25, abs=0.04)


def test_an_invalid_round_leaves_the_model_as_it_is() -> None:
    her = buyer()
    before = her.state
    her.update(aggregate(0.0, math.inf))
    assert her.state is before


def test_her_score_is_that_of_her_current_model() -> None:
    her = buyer()
    ignorant = her.score()
    assert ignorant.loss == pytest.approx(math.log(10))
    noise = torch.randn(TASK.dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    her.update(Aggregate(gradient=noise, variance=1.0, sellers=1))
    assert her.score() == score(softmax_regression(TASK), her.state.model, TASK) != ignorant
    assert her.score() is her.score()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda her: her.announce(-1.0, 0, stream()), r"cost_of_everything = -1\.0"),
        (lambda her: her.announce(math.inf, 0, stream()), "cost_of_everything = inf"),
        (lambda her: her.pay(math.nan), "payment = nan"),
        (lambda _: buyer("plane"), "did you mean 'plain'"),
        (lambda _: buyer(factor=(2.0, 1.0)), r"budget_factor\[1\] = 1\.0"),
        (lambda _: buyer(learning_rate=0.0), r"learning_rate = 0\.0"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(buyer())  # type: ignore[operator]
