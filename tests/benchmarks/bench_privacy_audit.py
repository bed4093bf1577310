"""How long a game of the privacy audit takes, and one more upload in an account; run with pytest-benchmark."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.composition import composed
from agents.perturbation.registry import list_perturbations, perturbation_of
from analysis.privacy_audit import AuditSettings, games
from analysis.privacy_game import play


@pytest.mark.parametrize(("coordinates", "draws"), [(2, 100_000), (10, 100_000), (650, 10_000)])
@pytest.mark.parametrize("name", [name for name in list_perturbations() if perturbation_of(name).private])
def test_a_game(benchmark, name, coordinates, draws):
    """Target: 0.1, 0.4 and 1 s; the whole audit has ten times as many draws."""
    settings = AuditSettings(losses=(1.0,), dimensions={coordinates: draws}, controls=False)
    game = games([perturbation_of(name)], settings)[0]
    benchmark(play, game, torch.Generator().manual_seed(0), 1e-8)


def test_three_hundred_uploads_in_an_account(benchmark):
    """Target: 30 ms."""
    losses = np.random.default_rng(0).uniform(0.05, 2.0, 300)
    benchmark(lambda: composed(losses).total(1e-6))
