"""Random features against the kernel that they approximate."""

import math

import numpy as np
import pytest

from agents.tasks.random_features import random_features

X = np.random.default_rng(0).standard_normal((6, 5))


def test_every_row_is_a_function_of_its_own_direction():
    together = random_features(X, 50)
    np.testing.assert_allclose(random_features(3 * X[2:3], 50), together[2:3], rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    assert not np.allclose(random_features(X, 50, seed=1), together)


def test_products_are_those_of_the_rectifier_kernel_less_its_mean():
    """Cho and Saul: E max(wx, 0) max(wy, 0) = (sin a + (pi - a) cos a) / 2 pi for unit x and y at an angle a."""
    direction = X / np.linalg.norm(X, axis=1, keepdims=True)
    angle = np.arccos(np.clip(direction @ direction.T, -1, 1))
    covariance = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi) - 1 / (2 * np.pi)
    features = random_features(X, 200_000)
    expected = covariance / covariance[0, 0]
    np.testing.assert_allclose(features @ features.T, expected, atol=0.01)
    assert covariance[0, 0] == pytest.approx(0.5 - 1 / (2 * math.pi))


def test_a_row_of_zeros_is_finite():
    assert np.isfinite(random_features(np.zeros((1, 5)), 20)).all()
