"""Random features: a fixed nonlinear map that nobody's data has shaped.

Scores that are linear in them can tell apart what a line through the original features cannot. Source: A. Rahimi, B.
Recht, "Random features for large-scale kernel machines", 2007; Y. Cho, L. Saul, "Kernel methods for deep learning",
2009 (the kernel of the rectifier).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_ROWS_AT_ONCE = 16_384


def random_features(features: NDArray[np.float64], count: int, seed: int = 0) -> NDArray[np.float32]:
    """Rectified random projections of the features' direction, less their mean over all directions, of length 1.

    Parameters
    ----------
    features : float64[r, F]
        Only the direction of a row matters; a row of zeros has none and is treated as if every projection were 0.
    count : int
        Projections.
    seed : int
        Of the projections; part of the task, the same for everybody.

    Returns
    -------
    float32[r, count]
        Row by row a function of that row alone.
    """
    projections = np.random.Generator(np.random.PCG64(seed)).standard_normal((features.shape[1], count))
    mapped = np.empty((len(features), count), dtype=np.float32)
    for first in range(0, len(features), _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        # The mean of max(z, 0) over standard normal z is 1 / sqrt(2 pi).
        rectified = np.maximum(_unit(features[some]) @ projections, 0.0) - 1 / math.sqrt(2 * math.pi)
        mapped[some] = _unit(rectified)
    return mapped


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))
