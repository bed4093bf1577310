"""Any ``torch.nn.Module`` as a model: its parameters as one vector, its scores as a pure function of them.

A module is called with records ``float32[r, *shape]`` (the task's constant feature left out) and returns scores
``[r, C]``. Parameters that do not require a gradient, and buffers, are public constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from agents.models.base import Model

_CHUNK = 1024
"""Records scored at once."""


@dataclass(frozen=True, eq=False)
class ModuleModel(Model):
    """A module of torch, called as a function of its parameters.

    Parameters
    ----------
    module : torch.nn.Module
        Never changed; its own parameters are those of ``initial``.
    shape : tuple of int
        Shape of one record.
    """

    module: nn.Module
    shape: tuple[int, ...]

    def named(self, parameters: Tensor) -> dict[str, Tensor]:
        """Parameters of the module by name, as float32, from a vector ``float[p]``."""
        trained = trained_parameters(self.module)
        parts = torch.split(parameters.float(), [own.numel() for own in trained.values()])
        return {name: part.view(own.shape) for (name, own), part in zip(trained.items(), parts, strict=True)}

    def inputs(self, features: Tensor) -> Tensor:
        """Records as the module takes them ``[r, *shape]``, from features ``[r, F]``: without the constant."""
        return features[:, :-1].reshape(-1, *self.shape)

    def call(self, named: dict[str, Tensor], inputs: Tensor) -> Tensor:
        """Scores ``[r, C]`` of records ``[r, *shape]``."""
        scores: Tensor = functional_call(self.module, named, (inputs,))
        return scores

    def scores(self, parameters: Tensor, features: Tensor) -> Tensor:
        """Class scores ``[C, r]`` for features ``float32[r, F]``."""
        named = self.named(parameters)
        with torch.no_grad():
            return torch.cat([self.call(named, self.inputs(some)) for some in torch.split(features, _CHUNK)]).T


def trained_parameters(module: nn.Module) -> dict[str, Tensor]:
    """Parameters that require a gradient, by name, each once."""
    return {name: value.detach() for name, value in module.named_parameters() if value.requires_grad}
