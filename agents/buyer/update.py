"""The buyer's update: how a noisy aggregate moves the global model, as pure functions of a small state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.checks import number, one_of
from agents.learning_defaults import MOMENTUM

OPTIMISERS: dict[str, Callable[[list[Tensor], float], torch.optim.Optimizer]] = {
    "momentum": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM),
    "adam": lambda parameters, rate: torch.optim.Adam(parameters, lr=rate),
}
"""Rules that are optimisers of torch, with its own defaults for all but the learning rate."""

RULES: tuple[str, ...] = ("plain", "precision", *OPTIMISERS)
"""How an aggregate moves the model: one step of gradient descent, one in proportion to the round's precision with
averaged iterates, or a step of torch's SGD with momentum or Adam. All but ``precision`` use the last iterate and know
nothing of the noise."""


@dataclass(frozen=True, eq=False)
class LearningState:
    """What the buyer keeps between rounds.

    Parameters
    ----------
    parameters : float64[p]
        The model announced to the owners, at which the next gradients are taken.
    model : float64[p]
        The model that the buyer would use, and that is tested: the averaged iterates, or the last one.
    rounds : int
        Valid rounds so far.
    mean_precision : float
        Mean of 1 / variance over them.
    weight : float
        Sum of the weights of the iterates in ``model``.
    optimiser : mapping, optional
        What an optimiser of torch remembers of the parameters, by its own names.
    """

    parameters: Tensor
    model: Tensor
    rounds: int = 0
    mean_precision: float = 0.0
    weight: float = 0.0
    optimiser: Mapping[str, Tensor] | None = None

    @staticmethod
    def start(parameters: Tensor) -> LearningState:
        """Begin at ``parameters[p]``."""
        return LearningState(parameters=parameters.double(), model=parameters.double())


def plain_step(state: LearningState, gradient: Tensor, learning_rate: float) -> LearningState:
    """One step of gradient descent; the last iterate is the model."""
    parameters = state.parameters - learning_rate * gradient
    return replace(state, parameters=parameters, model=parameters, rounds=state.rounds + 1)


def precision_step(state: LearningState, gradient: Tensor, variance: float, learning_rate: float) -> LearningState:
    """One step in proportion to the round's precision, relative to the mean precision so far; iterates are averaged.

    Steps inversely proportional to the variance minimise the usual bound sum(step^2 variance) / sum(step) of
    stochastic gradient descent. An iterate's weight is the round's relative precision times the number of the round,
    which forgets the start (Lacoste-Julien, Schmidt, Bach 2012). Measuring precision in the mean of the rounds seen
    keeps the learning rate free of the noise's unit and uses nothing of the future.
    """
    rounds = state.rounds + 1
    precision = 1 / variance
    mean_precision = state.mean_precision + (precision - state.mean_precision) / rounds
    relative = precision / mean_precision
    parameters = state.parameters - learning_rate * relative * gradient
    weight = state.weight + relative * rounds
    model = state.model + (parameters - state.model) * (relative * rounds / weight)
    return LearningState(
        parameters=parameters, model=model, rounds=rounds, mean_precision=mean_precision, weight=weight
    )


def optimiser_step(state: LearningState, gradient: Tensor, learning_rate: float, rule: str) -> LearningState:
    """One step of one of ``OPTIMISERS``; the last iterate is the model."""
    parameters = state.parameters.clone().requires_grad_()
    optimiser = OPTIMISERS[rule]([parameters], learning_rate)
    if state.optimiser is not None:
        # A step writes into what was loaded, and the state before it is to stay as it is.
        remembered = {name: value.clone() for name, value in state.optimiser.items()}
        optimiser.load_state_dict({**optimiser.state_dict(), "state": {0: remembered}})
    parameters.grad = gradient
    optimiser.step()
    moved = parameters.detach()
    remembers = dict(optimiser.state_dict()["state"][0])
    return replace(state, parameters=moved, model=moved, rounds=state.rounds + 1, optimiser=remembers)


def update(
    state: LearningState, gradient: Tensor, variance: float, *, rule: str = "precision", learning_rate: float = 0.1
) -> LearningState:
    """Take one round's aggregate into the global model.

    Parameters
    ----------
    state : LearningState
    gradient : float[p]
        Weighted sum of the uploads.
    variance : float
        Its declared variance per coordinate; infinite in an invalid round, which changes nothing.
    rule : str
        One of ``RULES``.
    learning_rate : float
        Step per unit of gradient. Gradients are at most a clipping radius L long, so that a good rate is about
        0.1 / L; a step of ``adam`` is about so long in every coordinate, whatever the gradient.

    Raises
    ------
    TypeError, ValueError
        For an unknown rule, a rate or variance out of range, or a gradient that is not finite or of another shape.
    """
    one_of("rule", rule, RULES)
    number("learning_rate", learning_rate, above=0.0)
    if variance == float("inf"):
        return state
    number("variance", variance, above=0.0)
    if gradient.shape != state.parameters.shape:
        raise ValueError(
            f"gradient has shape {list(gradient.shape)}; pass the parameters' shape {list(state.parameters.shape)}"
        )
    if not bool(torch.isfinite(gradient).all()):
        raise ValueError("gradient is not finite: mark a round without sellers by an infinite variance")
    if rule == "plain":
        return plain_step(state, gradient.double(), learning_rate)
    if rule in OPTIMISERS:
        return optimiser_step(state, gradient.double(), learning_rate, rule)
    return precision_step(state, gradient.double(), variance, learning_rate)
