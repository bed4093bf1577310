"""How noisy aggregates move the model."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.buyer.update import RULES, LearningState, update


def start(*values):
    return LearningState.start(torch.tensor(values, dtype=torch.float64))


def towards(*values):
    return torch.tensor(values, dtype=torch.float64)


def follow(rule, rounds, learning_rate=0.5, state=None):
    """Update with one (gradient, variance) after the other."""
    state = start(0.0) if state is None else state
    for gradient, variance in rounds:
        state = update(state, towards(gradient), variance, rule=rule, learning_rate=learning_rate)
    return state


def test_a_plain_step_is_gradient_descent_and_its_last_iterate_the_model():
    state = follow("plain", [(2.0, 1.0), (-4.0, 100.0)])
    assert state.parameters.tolist() == state.model.tolist() == [1.0]
    assert state.rounds == 2


def test_three_rounds_weighted_by_precision_by_hand():
    # Precisions 1, 3, 2: mean so far 1, 2, 2, so that relative precisions are 1, 3/2, 1.
    state = follow("precision", [(-2.0, 1.0), (-2.0, 1 / 3), (2.0, 1 / 2)])
    # Iterates 1, 1 + 3/2, 5/2 - 1; weights 1 * 1, 2 * 3/2, 3 * 1.
    assert state.parameters.tolist() == pytest.approx([1.5])
    assert state.model.tolist() == pytest.approx([(1 * 1 + 3 * 2.5 + 3 * 1.5) / 7])
    assert (state.rounds, state.mean_precision, state.weight) == (3, pytest.approx(2.0), pytest.approx(7.0))


@pytest.mark.parametrize("rule", RULES)
def test_an_invalid_round_changes_nothing(rule):
    state = follow(rule, [(1.0, 2.0)])
    assert update(state, towards(0.0), math.inf, rule=rule) is state


@given(unit=st.floats(1e-9, 1e9), variances=st.lists(st.floats(0.1, 10), min_size=1, max_size=10))
def test_the_unit_of_the_noise_does_not_matter(unit, variances):
    plain = follow("precision", [(1.0, variance) for variance in variances])
    scaled = follow("precision", [(1.0, unit * variance) for variance in variances])
    assert plain.model.item() == pytest.approx(scaled.model.item(), rel=1e-9)


@given(variance=st.floats(1e-6, 1e6), gradients=st.lists(st.floats(-1, 1), min_size=1, max_size=10))
def test_equal_precision_gives_plain_steps(variance, gradients):
    rounds = [(gradient, variance) for gradient in gradients]
    precise, plain = follow("precision", rounds), follow("plain", rounds)
    assert precise.parameters.item() == pytest.approx(plain.parameters.item(), rel=1e-9, abs=1e-12)


def test_weighting_by_precision_beats_plain_steps_where_noise_differs(generator):
    """Minimise |x - 1|^2 / 2 in 50 dimensions; nine rounds of ten carry 100 times the noise variance."""
    errors = {}
    for rule in RULES:
        state = LearningState.start(torch.zeros(50))
        for number in range(300):
            variance = 0.1 if number % 10 == 0 else 10.0
            noise = math.sqrt(variance) * torch.randn(50, generator=generator, dtype=torch.float64)
            state = update(state, state.parameters - 1 + noise, variance, rule=rule, learning_rate=0.1)
        errors[rule] = float((state.model - 1).square().mean())
    assert errors["precision"] < errors["plain"] / 4


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rule": "precise"}, "did you mean 'precision'"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0"),
        ({"variance": 0.0}, "variance = 0.0"),
        ({"variance": math.nan}, "variance = nan"),
        ({"gradient": towards(1.0, 2.0)}, r"gradient has shape \[2\]; pass the parameters' shape \[1\]"),
        ({"gradient": towards(math.nan)}, "gradient is not finite"),
    ],
)
def test_bad_input_is_refused(change, says):
    arguments = {"gradient": towards(1.0), "variance": 1.0, **change}
    with pytest.raises(ValueError, match=says):
        update(start(0.0), arguments.pop("gradient"), arguments.pop("variance"), **arguments)
