"""Random streams: named, fixed by the seed, and strangers to one another."""

from __future__ import annotations

import itertools

import pytest
import torch

from market_sim.streams import Streams


def first(name: str, round: int = 0, buyer: int = 0, seed: int = 0) -> float:
    generator = Streams(seed).generator(name, round, buyer)
    return float(torch.rand(1, generator=generator, dtype=torch.float64))


def test_a_stream_is_the_same_whenever_it_is_asked_for() -> None:
    streams = Streams(3)
    before = torch.rand(5, generator=streams.generator("noise", 4, 1))
    streams.generator("sampling", 4, 1)
    assert torch.equal(before, torch.rand(5, generator=streams.generator("noise", 4, 1)))


def test_another_name_round_buyer_or_seed_gives_another_stream() -> None:
    drawn = [
        first(name, round, buyer, seed)
        for name, round, buyer, seed in itertools.product(("noise", "sampling"), (0, 1), (0, 1), (0, 1))
    ]
    assert len(set(drawn)) == 16


def test_streams_are_the_same_on_every_machine() -> None:
    assert first("population", seed=2022) == 0.06897041172411211


def test_a_seed_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match=r"seed = 1\.5 is not a whole number"):
        Streams(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed = -1"):
        Streams(-1)
