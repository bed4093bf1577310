"""A convolutional network for images: two convolutions of stride 2 and two layers behind them.

Source: the shape of LeNet-5 (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, 1998), with strides in the place of pooling.
"""

from __future__ import annotations

from torch import nn

from agents.checks import whole
from agents.models.scaled_input import ScaledInput

NAME = "cnn"
KERNEL, STRIDE = 5, 2
SMALLEST = 13
"""Pixels a side that two such convolutions need at least."""


def build(shape: tuple[int, ...], classes: int, channels: int = 8, hidden: int = 64) -> nn.Module:
    """Make the module for images ``(channels, height, width)`` of at least 13 pixels a side.

    Parameters
    ----------
    shape : tuple of int
        Of a record.
    classes : int
    channels : int
        Of the first convolution; the second has twice as many.
    hidden : int
        Units of the layer behind them. 28 x 28 pixels, 10 classes and the defaults make 20 522 parameters.

    Raises
    ------
    ValueError
        If records are no images, or too small.
    """
    whole("channels", channels, minimum=1)
    whole("hidden", hidden, minimum=1)
    if len(shape) != 3 or min(shape[1:]) < SMALLEST:
        raise ValueError(
            f"model 'cnn' needs images of at least {SMALLEST} x {SMALLEST} pixels, records of this task have shape "
            f"{list(shape)}: take task 'mnist-5k', or model 'mlp'"
        )
    height, width = (_shrunk(_shrunk(side)) for side in shape[1:])
    return nn.Sequential(
        ScaledInput(shape),
        nn.Conv2d(shape[0], channels, KERNEL, stride=STRIDE),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, KERNEL, stride=STRIDE),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * height * width, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def _shrunk(side: int) -> int:
    return (side - KERNEL) // STRIDE + 1
