"""One torch thread, and the same hypothesis examples in every run: a red test is red for everybody."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded stream of its own for every test."""
    return torch.Generator().manual_seed(20_22)
