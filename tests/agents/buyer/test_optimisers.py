"""Server updates that are torch's own optimisers: the same steps, and a state that is kept between rounds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agents.buyer.update import OPTIMISERS, LearningState, update
from agents.learning_defaults import MOMENTUM
from market_sim import FLMarket, run_market

GRADIENTS = torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
TORCHS = {
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=MOMENTUM),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.1),
}


@pytest.mark.parametrize("rule", list(OPTIMISERS))
def test_steps_are_those_of_torch(rule: str) -> None:
    parameters = torch.ones(5, dtype=torch.float64).requires_grad_()
    optimiser = TORCHS[rule]([parameters])
    state = LearningState.start(torch.ones(5))
    for gradient in GRADIENTS:
        parameters.grad = gradient.clone()
        optimiser.step()
        state = update(state, gradient, 1.0, rule=rule, learning_rate=0.1)
        assert torch.equal(state.parameters, parameters.detach())
    assert torch.equal(state.model, state.parameters)


@pytest.mark.parametrize("rule", list(OPTIMISERS))
def test_a_step_leaves_the_state_before_it_as_it_was(rule: str) -> None:
    first = update(LearningState.start(torch.ones(5)), GRADIENTS[0], 1.0, rule=rule)
    then, again = (update(first, GRADIENTS[1], 1.0, rule=rule) for _ in range(2))
    assert torch.equal(then.parameters, again.parameters)


def test_two_steps_with_momentum_by_hand() -> None:
    state = LearningState.start(torch.zeros(1))
    for _ in range(2):
        state = update(state, torch.ones(1), 1.0, rule="momentum", learning_rate=0.1)
    # Steps 0.1 and 0.1 (1 + 0.9).
    assert state.parameters.item() == pytest.approx(-0.29)


@pytest.mark.parametrize("rule", ["plain", *OPTIMISERS])
def test_a_run_repeats_to_the_bit(rule: str) -> None:
    first, again = (run_market(update=rule, owners=20, bidders=10, rounds=4, seed=3).rounds for _ in range(2))
    assert first.equals(again)
    assert first["test_loss"].nunique() == 4


@pytest.mark.parametrize("rule", ["precision", *OPTIMISERS])
def test_an_interrupted_run_goes_on_with_what_the_optimiser_remembered(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = {"update": rule, "owners": 20, "bidders": 10, "rounds": 4, "seed": 3}
    whole = run_market(**market)
    step = FLMarket.step

    def stopping(model: FLMarket) -> None:
        if model.round == 3:
            raise KeyboardInterrupt
        step(model)

    with monkeypatch.context() as patched:
        patched.setattr(FLMarket, "step", stopping)
        with pytest.raises(KeyboardInterrupt):
            run_market(**market, out=tmp_path / "run", checkpoint_rounds=1)
    resumed = run_market(**market, out=tmp_path / "run", checkpoint_rounds=1)
    assert resumed.rounds.equals(whole.rounds)
    assert resumed.confusion.equals(whole.confusion)
    assert int(whole.confusion["records"].sum()) == 360
