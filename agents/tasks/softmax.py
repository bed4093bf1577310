"""The model function: softmax regression, parameters ``float[p]`` read as a matrix ``[F, C]`` row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.tasks.base import Task


@dataclass(frozen=True)
class Score:
    """How well parameters do on a test set: mean cross-entropy (natural logarithm) and share named correctly."""

    loss: float
    accuracy: float


def initial_parameters(task: Task) -> Tensor:
    """Return the model that knows nothing, ``float64[p]``: every class equally likely."""
    return torch.zeros(task.dimension, dtype=torch.float64)


def logits(parameters: Tensor, features: Tensor) -> Tensor:
    """Class scores, class first: ``[C, r]`` for features ``float32[r, F]``, which is the fast way round."""
    weights = parameters.to(features.dtype).view(features.shape[1], -1)
    return weights.T @ features.T


def residuals(parameters: Tensor, features: Tensor, labels: Tensor) -> Tensor:
    """Probabilities less the one-hot labels ``[r, C]``.

    The gradient of one record's loss is the outer product of its features and its residual, so that its norm (L1 and
    L2 alike) is the product of theirs.
    """
    residual = logits(parameters, features).softmax(dim=0).T.contiguous()
    residual[torch.arange(len(labels)), labels] -= 1
    return residual


def score(parameters: Tensor, task: Task) -> Score:
    """Test loss and test accuracy of ``parameters``; ties go to the lower class."""
    features, labels = task.test
    scores = logits(parameters, features)
    of_label = scores.gather(0, labels[None])[0]
    return Score(
        loss=float((scores.logsumexp(dim=0) - of_label).double().mean()),
        accuracy=float((scores.max(dim=0).indices == labels).double().mean()),
    )
