"""What all trainings are, and what those that follow a gradient have in common.

A training makes one step after another, can be interrupted between two of them, and ends with the same bits as one
that was not. ``GradientTraining`` does with a loss what all of them do: a rate that falls along a cosine, a clipped
gradient that must be finite, a step of Adam, and a running mean of the weights.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from agents.prior import OwnerPrior

WORST = 50.0
"""Error bounds beyond this count as this in the mean: few bad markets must not drown the others."""

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class TrainingStep:
    """What a training step shows: its number, what was minimised, and the mean finite error bound of truthful play."""

    number: int
    loss: float
    error_bound: float


@dataclass(frozen=True)
class Trained:
    """What a training has come to.

    Parameters
    ----------
    arguments : dict
        What the auction is made of, by the name of the argument.
    tensors : dict
        The same as a checkpoint holds it.
    architecture : dict
        Sizes, for the card.
    versions : dict
        Of libraries that the result depends on, besides torch.
    """

    arguments: dict[str, Any]
    tensors: dict[str, Tensor]
    architecture: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)


class Training(Protocol):
    """A training run in the middle.

    Attributes
    ----------
    identity : mapping
        Everything that the result depends on (recipe, prior, device): a state with another is not continued.
    steps : int
        How many steps the recipe asks for.
    done : int
        How many have been made.
    """

    identity: Mapping[str, Any]
    steps: int
    done: int

    def step(self) -> TrainingStep:
        """Make the next step."""
        ...

    def trained(self) -> Trained:
        """What the steps so far have come to."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and nested dictionaries of them: networks, optimiser, generators and ``done``."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` saved."""
        ...


class GradientRecipe(Protocol):
    """A dataclass of settings with at least these, which every training by gradients has."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def steps(self) -> int:
        """Steps of Adam."""
        ...

    @property
    def learning_rate(self) -> float:
        """Of Adam, at the beginning."""
        ...

    @property
    def averaging(self) -> float:
        """Decay, per step, of the running mean of the weights."""
        ...


class GradientTraining(ABC, Generic[NetworkT]):
    """Adam on the loss that a subclass computes in ``step`` and hands to ``_descend``.

    Parameters
    ----------
    prior : OwnerPrior
        Distribution of owners and budgets to train on.
    recipe : GradientRecipe
    network : nn.Module
        Untrained.
    generator : torch.Generator
        Where the subclass draws markets.
    device : str
        Where torch computes; markets are drawn on the CPU, so that they are the same everywhere.
    identity : dict
        Whatever else the result depends on.

    Attributes
    ----------
    network, learner : nn.Module
        The running mean of the weights so far, which is what the training is for, and the weights that learn.
    """

    LAST_RATE: ClassVar[float] = 0.005
    """Share of the learning rate that is left at the end."""

    def __init__(
        self,
        prior: OwnerPrior,
        recipe: GradientRecipe,
        network: NetworkT,
        generator: torch.Generator,
        *,
        device: str,
        **identity: Any,
    ) -> None:
        self.identity: Mapping[str, Any] = {
            "prior": asdict(prior),
            "recipe": asdict(recipe),
            "device": device,
            **identity,
        }
        self.steps, self.done = recipe.steps, 0
        self.network = network.to(device)
        self.learner = copy.deepcopy(self.network)
        self._rates, self._device, self._generator = recipe, device, generator
        self._optimiser = torch.optim.Adam(self._parameter_groups(), lr=recipe.learning_rate)

    @abstractmethod
    def step(self) -> TrainingStep:
        """Make the next step.

        Raises
        ------
        FloatingPointError
            If loss or gradient is not finite; the message names the batch, and nothing was changed by it.
        """

    def progress(self) -> float:
        """How far the schedules of rate and temperature have come, from 0 to 1."""
        return self.done / self.steps

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """What learns, in groups for Adam; a group with a ``factor`` learns so many times as fast."""
        return [{"params": list(self.learner.parameters())}]

    def _descend(self, loss: Tensor, batch: str) -> None:
        """One step of Adam down the loss of the ``batch`` so described."""
        rate = self._rates.learning_rate * (0.5 * (1 + math.cos(math.pi * self.progress())) + self.LAST_RATE)
        for group in self._optimiser.param_groups:
            group["lr"] = group.get("factor", 1) * rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        check_finite(torch.nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0), batch)
        self._optimiser.step()
        self._average()
        self.done += 1

    def _average(self) -> None:
        self._approach(self.network.parameters(), self.learner.parameters(), self.done)

    @torch.no_grad()
    def _approach(self, means: Iterable[Tensor], weights: Iterable[Tensor], done: int) -> None:
        """Move running means of weights towards the latest ones, after ``done`` steps."""
        # Early weights are soon forgotten, however slow the running mean is to be later.
        kept = min(self._rates.averaging, (1 + done) / (10 + done))
        for mean, latest in zip(means, weights, strict=True):
            mean.lerp_(latest, 1 - kept)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on."""
        return {
            "done": self.done,
            "network": self.network.state_dict(),
            "learner": self.learner.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` saved."""
        self.done = int(state["done"])
        self.network.load_state_dict(state["network"])
        self.learner.load_state_dict(state["learner"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])


def check_finite(value: Tensor, batch: str) -> None:
    """Refuse to go on with a loss or the norm of a gradient that is not finite."""
    if not bool(value.isfinite()):
        raise FloatingPointError(f"training {batch}: loss or gradient is not finite; lower learning_rate")


def mean_loss(bound: Tensor, weight_of_mean: float) -> Tensor:
    """E[log ERR] plus so many times E[ERR] of error bounds ``[B]``.

    An invalid profile has no finite bound to lower: it adds nothing, and the report counts it.
    """
    finite = torch.where(bound.isfinite(), bound, 1.0)
    return (finite.log() + weight_of_mean * finite.clamp(max=WORST)).mean()


def mean_of_finite(bound: Tensor) -> float:
    """Mean error bound of the profiles in which somebody sold."""
    bound = bound.detach()
    return float(bound[bound.isfinite()].mean())


def temperature_at(progress: float, first: float, last: float) -> float:
    """Temperature of a softened choice at ``progress`` from 0 to 1: geometric, from the first to the last."""
    return float(first * (last / first) ** progress)


def seed_uniformly(layers: nn.Module, generator: torch.Generator) -> None:
    """Fresh weights for all linear layers among the children of ``layers``: uniform within 1 / sqrt(inputs)."""
    for layer in layers.children():
        if isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for parameter in (layer.weight, layer.bias):
                with torch.no_grad():
                    parameter.uniform_(-bound, bound, generator=generator)
