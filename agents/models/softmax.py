"""Softmax regression: every class has a weight for every feature. Parameters are a matrix ``[F, C]``, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.models.base import Model
from agents.tasks.base import Task

NAME = "softmax"


@dataclass(frozen=True, eq=False)
class SoftmaxRegression(Model):
    """Softmax regression on all features of a task, its constant feature included, which is the bias."""

    def scores(self, parameters: Tensor, features: Tensor) -> Tensor:
        """Class scores ``[C, r]`` for features ``float32[r, F]``."""
        # Contiguous, which is several times as fast with few classes and many records.
        return _class_first(parameters, features).contiguous() @ features.T


def softmax_regression(task: Task) -> SoftmaxRegression:
    """Begin with the model that knows nothing: every class equally likely."""
    return SoftmaxRegression(NAME, task.classes, torch.zeros(task.features * task.classes, dtype=torch.float64))


def logits(parameters: Tensor, features: Tensor) -> Tensor:
    """Class scores, class first: ``[C, r]`` for features ``float32[r, F]``, which is the fast way round."""
    return _class_first(parameters, features) @ features.T


def _class_first(parameters: Tensor, features: Tensor) -> Tensor:
    """The weights ``[C, F]``, in the type of the features."""
    return parameters.to(features.dtype).view(features.shape[1], -1).T


def residuals(parameters: Tensor, features: Tensor, labels: Tensor) -> Tensor:
    """Probabilities less the one-hot labels ``[r, C]``.

    The gradient of one record's loss is the outer product of its features and its residual, so that its norm (L1 and
    L2 alike) is the product of theirs.
    """
    residual = logits(parameters, features).softmax(dim=0).T.contiguous()
    residual[torch.arange(len(labels)), labels] -= 1
    return residual
