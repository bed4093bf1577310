"""A perceptron with one hidden layer of rectified units."""

from __future__ import annotations

from torch import nn

from agents.checks import whole
from agents.models.scaled_input import ScaledInput

NAME = "mlp"


def build(features: int, classes: int, hidden: int = 32) -> nn.Module:
    """Make the module for records of so many features and so many classes.

    Parameters
    ----------
    features, classes : int
    hidden : int
        Units of the hidden layer: ``features * hidden + hidden + hidden * classes + classes`` parameters in all.
    """
    whole("hidden", hidden, minimum=1)
    return nn.Sequential(
        nn.Flatten(), ScaledInput((features,)), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes)
    )
